//! `amends top`: what happens, while it happens.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::args::TopArgs;
use crate::config::Settings;
use crate::failure::{Failure, Kind, Outcome};
use crate::signals::asked_to_stop;
use crate::top::{Ask, Detail, Reader, Reading, State, Terminal, render};
use crate::{clock, output};

/// Everything is read this often.
const READ_EVERY: Duration = Duration::from_secs(1);

/// What is stuck is asked for with every so many readings: the server looks at thousands of sagas.
const STUCK_EVERY: u64 = 5;

/// The screen of a script.
const ONCE: (usize, usize) = (80, 24);

/// What was read and is not shown yet.
const NEWS_MAX: usize = 16;

/// What comes back from the API.
enum News {
    Read(Result<Reading, String>),
    Saga(String, Result<Detail, String>),
    Done(String),
}

/// Shows it until somebody quits.
pub async fn top(args: &TopArgs) -> Outcome {
    let client = args.address.client()?;
    let mut state = State::new(client.server());
    let reader = Reader::new(client, args.who.clone());
    if args.once {
        let reading = reader.read(true).await.map_err(Failure::error)?;
        state.take(Ok(reading), clock::now());
        let (width, height) = ONCE;
        return output::text(&render(&state, clock::now(), width, height).text());
    }
    if !std::io::stdout().is_terminal() {
        let message = "amends top needs a terminal";
        return Err(Failure::new(Kind::Usage, message).help("print one frame with --once"));
    }
    let colour = Settings::colour();
    let terminal = Terminal::take()
        .map_err(|error| Failure::because("the terminal cannot be taken over", &error))?;
    tokio::select! {
        ended = run(terminal, &reader, &mut state, colour) => ended,
        stopped = asked_to_stop() => stopped,
    }
}

async fn run(mut terminal: Terminal, reader: &Reader, state: &mut State, colour: bool) -> Outcome {
    let gone = |error: std::io::Error| Failure::because("the terminal is gone", &error);
    let (send, mut news) = mpsc::channel(NEWS_MAX);
    let mut tick = interval(READ_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut readings: u64 = 0;
    let mut is_reading = false;
    loop {
        let (width, height) = Terminal::size();
        let frame = render(state, clock::now(), width, height);
        terminal.show(&frame, colour).map_err(gone)?;
        tokio::select! {
            key = terminal.key() => match key {
                None => return Ok(()),
                Some(None) => {}
                Some(Some(key)) => match state.press(key) {
                    Some(Ask::Quit) => return Ok(()),
                    Some(Ask::Look(saga)) => look(reader, saga, &send),
                    Some(Ask::Act(act)) => {
                        let (reader, send) = (reader.clone(), send.clone());
                        tokio::spawn(async move {
                            let _closed = send.send(News::Done(reader.act(&act).await)).await;
                        });
                    }
                    None => {}
                },
            },
            _ = tick.tick() => {
                // A slow server is not asked twice at once.
                if !is_reading {
                    is_reading = true;
                    let with_stuck = readings.is_multiple_of(STUCK_EVERY);
                    readings += 1;
                    read(reader, with_stuck, &send);
                    if let Some(saga) = state.looked_into() {
                        look(reader, saga.to_owned(), &send);
                    }
                }
            },
            Some(came) = news.recv() => match came {
                News::Read(read) => {
                    is_reading = false;
                    state.take(read, clock::now());
                }
                News::Saga(saga, seen) => state.take_detail(&saga, seen),
                News::Done(said) => state.take_notice(said),
            },
        }
    }
}

fn read(reader: &Reader, with_stuck: bool, send: &mpsc::Sender<News>) {
    let (reader, send) = (reader.clone(), send.clone());
    tokio::spawn(async move {
        let _closed = send.send(News::Read(reader.read(with_stuck).await)).await;
    });
}

fn look(reader: &Reader, saga: String, send: &mpsc::Sender<News>) {
    let (reader, send) = (reader.clone(), send.clone());
    tokio::spawn(async move {
        let seen = reader.look(&saga).await;
        let _closed = send.send(News::Saga(saga, seen)).await;
    });
}
