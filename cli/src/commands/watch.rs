//! `amends saga watch`: a saga while it moves.

use std::io::IsTerminal as _;
use std::time::Duration;

use orchestrator::http::{END_EVENT, EventView, SAGA_EVENT, SagaView};
use tokio::time::{Instant, timeout};

use crate::args::OneArgs;
use crate::client::Client;
use crate::config::Settings;
use crate::event_stream::{EventStream, ServerEvent};
use crate::failure::{Failure, Outcome};
use crate::{narrative, output, timeline};

/// A picture is drawn at most this often.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// A connection that broke, or a picture that could not be made, is tried again for this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Follows a saga until it ends: as a picture on a terminal, otherwise line by line.
pub(super) async fn watch(args: &OneArgs) -> Outcome {
    let client = args.server.client()?;
    let pictures = args.server.output.is_for_people() && std::io::stdout().is_terminal();
    let mut screen = Screen {
        client: &client,
        args,
        pictures,
        events: Vec::new(),
        drawn_lines: 0,
        drawn_at: None,
        behind: false,
    };
    let Some(mut stream) = client.follow(&args.id, None).await? else {
        return screen.draw().await;
    };
    loop {
        match next(&mut stream, screen.patience()).await {
            Next::Event(event) if event.event == END_EVENT => return screen.draw().await,
            Next::Event(event) if event.event == SAGA_EVENT => screen.note(&event).await?,
            Next::Event(_) => {}
            Next::Nothing => screen.draw().await?,
            // A new connection goes on where the last one broke.
            Next::Gone => {
                let last = screen.last();
                match patiently(async || client.follow(&args.id, Some(last)).await).await? {
                    Some(again) => stream = again,
                    // It ended while nobody listened.
                    None => return screen.draw().await,
                }
            }
        }
    }
}

enum Next {
    Event(ServerEvent),
    Nothing,
    Gone,
}

/// The next event; nothing, when none comes within the limit.
async fn next(stream: &mut EventStream, limit: Option<Duration>) -> Next {
    let event = match limit {
        None => stream.next().await,
        Some(limit) => match timeout(limit, stream.next()).await {
            Ok(event) => event,
            Err(_) => return Next::Nothing,
        },
    };
    event.map_or(Next::Gone, Next::Event)
}

/// Asks until there is an answer, for as long as [`PATIENCE`] lasts.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
        }
    }
}

struct Screen<'a> {
    client: &'a Client,
    args: &'a OneArgs,
    pictures: bool,
    events: Vec<EventView>,
    drawn_lines: usize,
    drawn_at: Option<Instant>,
    /// Something has happened since the last picture.
    behind: bool,
}

impl Screen<'_> {
    fn last(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    /// How long a picture can wait for the next event.
    fn patience(&self) -> Option<Duration> {
        self.behind.then_some(DRAW_EVERY)
    }

    async fn note(&mut self, event: &ServerEvent) -> Outcome {
        let event: EventView = serde_json::from_str(&event.data).map_err(|error| {
            Failure::because("the orchestrator sent what this amends cannot read", &error)
        })?;
        if !self.pictures {
            self.print(&event)?;
        }
        self.events.push(event);
        self.behind = self.pictures;
        let due = |at: Instant| at.elapsed() >= DRAW_EVERY;
        if self.drawn_at.is_none_or(due) {
            self.draw().await?;
        }
        Ok(())
    }

    fn print(&self, event: &EventView) -> Outcome {
        output::one_of_many(self.args.server.output, event, |_| {
            let begun = self.events.first().map_or(event.at, |first| first.at);
            let after = timeline::short(event.at.since(begun));
            let what = narrative::describe(&event.event);
            format!("{:>5}  +{after:<8} {what}\n", event.seq)
        })
    }

    /// Draws over the last picture.
    async fn draw(&mut self) -> Outcome {
        if !self.pictures {
            return Ok(());
        }
        let path = format!("/v1/sagas/{}", self.args.id);
        let saga = patiently(async || self.client.get::<SagaView>(&path).await).await?;
        let picture = timeline::timeline(&saga, &self.events, Settings::colour());
        let up = match self.drawn_lines {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}A"),
        };
        output::text(&format!("{up}\u{1b}[J{picture}"))?;
        self.drawn_lines = picture.lines().count();
        self.drawn_at = Some(Instant::now());
        self.behind = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_asked_again_for_as_long_as_patience_lasts() {
        let asked = Cell::new(0);
        let third = patiently(async || {
            asked.set(asked.get() + 1);
            match asked.get() {
                3 => Ok("seen"),
                _ => Err(Failure::error("away")),
            }
        });
        assert!(third.await.is_ok_and(|answer| answer == "seen"));
        let begun = Instant::now();
        let never = patiently(async || Err::<(), _>(Failure::error("away"))).await;
        assert!(never.is_err_and(|failure| failure.message() == "away"));
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
