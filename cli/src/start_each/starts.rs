//! Goes through the lines, and asks for many with a request.

use std::io::{BufRead, Read as _};
use std::time::Duration;

use hyper::StatusCode;
use orchestrator::http::{
    BODY_BYTES_MAX, BatchBody, BatchView, BatchedView, STARTS_MAX, StartBody,
};
use serde::Serialize;
use serde_json::Value;

use super::report::{Failed, Report, Started};
use crate::answer::refusal;
use crate::args::Format;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::starting::{TRIES_MAX, pause};

/// Bytes of the inputs in one request. The rest of what a body may have is for what is around them.
pub(super) const INPUT_BYTES_MAX: usize = BODY_BYTES_MAX / 2;

/// Lines that failed are named up to here; what comes after is counted.
const NAMED_MAX: usize = 20;

/// Starts a saga for each line of `lines`, which holds its input as JSON. `of` says what all of them
/// have; its key, where it has one, is followed by the number of the line.
///
/// # Errors
/// When a line was not started, or the lines or the orchestrator are gone.
pub async fn start_each(
    client: &Client,
    of: &StartBody,
    lines: impl BufRead,
    format: Format,
) -> Outcome {
    let mut starts = Starts {
        client,
        format,
        report: Report::default(),
    };
    let went = starts.go_through(of, lines).await;
    starts.end(went)
}

/// The next line; `None` when there is no more.
fn next(lines: &mut impl BufRead, number: u64) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    let limit = u64::try_from(INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    let read = lines.take(limit + 1).read_until(b'\n', &mut line);
    let read =
        read.map_err(|error| Failure::because(&format!("cannot read line {number}"), &error));
    if read? > INPUT_BYTES_MAX {
        let message = format!("line {number} has more than {INPUT_BYTES_MAX} bytes");
        return Err(Failure::error(message).help("start it by itself, with --file"));
    }
    Ok(Some(line).filter(|line| !line.is_empty()))
}

pub(super) struct Starts<'a> {
    pub(super) client: &'a Client,
    pub(super) format: Format,
    pub(super) report: Report,
}

impl Starts<'_> {
    /// Starts one after the other, and stops where it cannot go on.
    pub(super) async fn go_through(&mut self, of: &StartBody, mut lines: impl BufRead) -> Outcome {
        let (mut waiting, mut bytes) = (Vec::new(), 0);
        for number in 1.. {
            let line = match next(&mut lines, number) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(failure) => {
                    self.ask(waiting).await?;
                    return Err(failure);
                }
            };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if waiting.len() == STARTS_MAX || bytes + line.len() > INPUT_BYTES_MAX {
                self.ask(std::mem::take(&mut waiting)).await?;
                bytes = 0;
            }
            match serde_json::from_slice::<Value>(line.trim_ascii_end()) {
                Ok(input) => {
                    bytes += line.len();
                    let key = of.key.as_ref().map(|key| format!("{key}:{number}"));
                    waiting.push((
                        number,
                        StartBody {
                            input,
                            key,
                            ..of.clone()
                        },
                    ));
                }
                Err(error) => self.failed(number, &format!("it is not JSON: {error}"))?,
            }
        }
        self.ask(waiting).await
    }

    /// Asks for these until each is there or refused for good. Those that are not let in yet are asked for
    /// again when the orchestrator says.
    async fn ask(&mut self, mut left: Vec<(u64, StartBody)>) -> Outcome {
        let mut tries = 0;
        while let (Some((first, _)), Some((last, _))) = (left.first(), left.last()) {
            let (first, last, asked) = (*first, *last, left.len());
            let sagas = left.iter().map(|(_, body)| body.clone()).collect();
            let body = serde_json::to_vec(&BatchBody { sagas });
            let body =
                body.map_err(|error| Failure::because("the request cannot be made", &error))?;
            let answer = self.client.post::<BatchView>("/v1/sagas/batch", body).await;
            let (again, after) = match answer {
                Ok((_, view)) if view.sagas.len() == asked => self.take(left, view)?,
                Ok((_, view)) => {
                    let got = view.sagas.len();
                    let message = format!("the orchestrator answered {got} of {asked} starts");
                    return Err(self.broken_off(first, last, Failure::error(message)));
                }
                Err(failure) => match failure.again_after() {
                    Some(after) => (left, after),
                    None => return Err(self.broken_off(first, last, failure)),
                },
            };
            left = again;
            tries = if left.len() < asked { 0 } else { tries + 1 };
            if tries == TRIES_MAX {
                let refused = Failure::error(format!("not let in, asked {TRIES_MAX} times"));
                return Err(self.broken_off(first, last, refused));
            }
            if !left.is_empty() {
                pause(&format!("{} not let in yet", left.len()), after).await;
            }
        }
        Ok(())
    }

    /// Notes what became of each. Returns those that are to be asked for again, and after how long.
    fn take(
        &mut self,
        asked: Vec<(u64, StartBody)>,
        view: BatchView,
    ) -> Result<(Vec<(u64, StartBody)>, Duration), Failure> {
        let (mut again, mut after) = (Vec::new(), Duration::ZERO);
        for ((line, body), became) in asked.into_iter().zip(view.sagas) {
            match became {
                BatchedView::Started(saga) => {
                    let count = if saga.created {
                        &mut self.report.started
                    } else {
                        &mut self.report.existing
                    };
                    *count += 1;
                    self.tell(&Started {
                        line,
                        id: saga.id,
                        created: saga.created,
                    })?;
                }
                BatchedView::Problem(problem) => match problem.retry_after_seconds {
                    Some(seconds) => {
                        after = after.max(Duration::from_secs(seconds.into()));
                        again.push((line, body));
                    }
                    None => {
                        let status = StatusCode::from_u16(problem.status).unwrap_or_default();
                        let refused = refusal(status, problem);
                        // The definition, which all lines have in common.
                        if status == StatusCode::NOT_FOUND {
                            return Err(refused);
                        }
                        self.failed(line, refused.message())?;
                    }
                },
            }
        }
        Ok((again, after))
    }

    fn failed(&mut self, line: u64, error: &str) -> Outcome {
        self.report.failed += 1;
        let error = error.to_owned();
        let failed = Failed { line, error };
        self.tell(&failed)?;
        if self.report.failures.len() < NAMED_MAX {
            self.report.failures.push(failed);
        }
        Ok(())
    }

    /// With `jsonl`, each line as soon as it is known; no summary comes after.
    fn tell(&self, line: &impl Serialize) -> Outcome {
        if self.format == Format::Jsonl {
            output::one_of_many(self.format, line, |_| String::new())?;
        }
        Ok(())
    }

    /// It went no further than here. Where nothing is done yet, the failure says itself what to do.
    fn broken_off(&self, first: u64, last: u64, failure: Failure) -> Failure {
        let Report {
            started, existing, ..
        } = self.report;
        if started + existing == 0 {
            return failure;
        }
        let lines = if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        };
        let message = format!("{lines}: {}", failure.message());
        Failure::new(self.report.kind(), message).help(format!(
            "{started} were started before, and some of these may have been; with business keys the \
             whole file can be started again"
        ))
    }

    /// Says what became of all of them, also of those before it `went` wrong.
    fn end(self, went: Outcome) -> Outcome {
        let Self { format, report, .. } = self;
        let all = report.started + report.existing + report.failed;
        if format != Format::Jsonl && (went.is_ok() || all > 0) {
            output::document(format, &report, |_| report.told())?;
        }
        went?;
        if report.failed == 0 {
            return Ok(());
        }
        let message = format!("{} of {all} lines started no saga", report.failed);
        Err(Failure::new(report.kind(), message))
    }
}
