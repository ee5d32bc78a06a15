//! Starts a saga for each line of a file, many with a request.

use std::io::{BufRead, Read as _};
use std::time::Duration;

use hyper::StatusCode;
use orchestrator::http::{BODY_BYTES_MAX, BatchBody, BatchView, BatchedView, STARTS_MAX, StartBody};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::answer::refusal;
use crate::args::Format;
use crate::client::Client;
use crate::failure::{Failure, Kind, Outcome};
use crate::output;
use crate::starting::{TRIES_MAX, WAIT_MAX};

/// Bytes of the inputs in one request. The rest of what a body may have is for what is around them.
const INPUT_BYTES_MAX: usize = BODY_BYTES_MAX / 2;

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
    mut lines: impl BufRead,
    format: Format,
) -> Outcome {
    let mut starts = Starts {
        client,
        format,
        report: Report::default(),
    };
    let (mut waiting, mut bytes) = (Vec::new(), 0);
    for number in 1.. {
        let Some(line) = next(&mut lines, number)? else {
            break;
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if waiting.len() == STARTS_MAX || bytes + line.len() > INPUT_BYTES_MAX {
            starts.ask(std::mem::take(&mut waiting)).await?;
            bytes = 0;
        }
        match serde_json::from_slice::<Value>(&line) {
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
            Err(error) => starts.failed(number, &format!("it is not JSON: {error}"))?,
        }
    }
    starts.ask(waiting).await?;
    starts.end()
}

/// The next line; `None` when there is no more.
fn next(lines: &mut impl BufRead, number: u64) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    let limit = u64::try_from(INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    let read = lines.take(limit + 1).read_until(b'\n', &mut line);
    let read = read.map_err(|error| Failure::because(&format!("cannot read line {number}"), &error));
    if read? > INPUT_BYTES_MAX {
        let message = format!("line {number} has more than {INPUT_BYTES_MAX} bytes");
        return Err(Failure::error(message).help("start it by itself, with --file"));
    }
    Ok(Some(line).filter(|line| !line.is_empty()))
}

/// What became of all lines.
#[derive(Debug, Default, Serialize)]
struct Report {
    started: u64,
    /// Their business keys had been used before, so these sagas were there.
    existing: u64,
    failed: u64,
    /// The first of those that failed.
    failures: Vec<Line>,
}

/// What became of one line.
#[derive(Debug, Serialize)]
struct Line {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

struct Starts<'a> {
    client: &'a Client,
    format: Format,
    report: Report,
}

impl Starts<'_> {
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
                Ok((_, view)) => self.take(left, view)?,
                Err(failure) => match failure.again_after() {
                    Some(after) => (left, after),
                    None => return Err(self.broken_off(first, last, &failure)),
                },
            };
            left = again;
            tries = if left.len() < asked { 0 } else { tries + 1 };
            if tries == TRIES_MAX {
                let refused = Failure::error(format!("not let in, asked {TRIES_MAX} times"));
                return Err(self.broken_off(first, last, &refused));
            }
            if !left.is_empty() {
                sleep(after.min(WAIT_MAX)).await;
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
        if view.sagas.len() != asked.len() {
            let (got, wanted) = (view.sagas.len(), asked.len());
            let message = format!("the orchestrator answered {got} of {wanted} starts");
            return Err(Failure::error(message));
        }
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
                    self.tell(&Line {
                        line,
                        id: Some(saga.id),
                        created: Some(saga.created),
                        error: None,
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
                            return Err(self.broken_off(line, line, &refused));
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
        let failed = Line {
            line,
            id: None,
            created: None,
            error: Some(error.to_owned()),
        };
        self.tell(&failed)?;
        if self.report.failures.len() < NAMED_MAX {
            self.report.failures.push(failed);
        }
        Ok(())
    }

    /// With `jsonl`, each line as soon as it is known; no summary comes after.
    fn tell(&self, line: &Line) -> Outcome {
        if self.format == Format::Jsonl {
            output::one_of_many(self.format, line, |_| String::new())?;
        }
        Ok(())
    }

    /// It went no further than here.
    fn broken_off(&self, first: u64, last: u64, failure: &Failure) -> Failure {
        let Report {
            started, existing, ..
        } = self.report;
        let kind = if started + existing > 0 {
            Kind::Partly
        } else {
            Kind::Error
        };
        let lines = if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        };
        let message = format!("{lines}: {}", failure.message());
        Failure::new(kind, message).help(format!(
            "{started} sagas were started before these, and some of these may have been; with business \
             keys the whole file can be started again"
        ))
    }

    fn end(self) -> Outcome {
        let Self { format, report, .. } = self;
        if format != Format::Jsonl {
            output::document(format, &report, |_| report.told())?;
        }
        let Report {
            started,
            existing,
            failed,
            ..
        } = report;
        if failed == 0 {
            return Ok(());
        }
        let kind = if started + existing > 0 {
            Kind::Partly
        } else {
            Kind::Error
        };
        let all = started + existing + failed;
        Err(Failure::new(kind, format!("{failed} of {all} lines started no saga")))
    }
}

impl Report {
    fn told(&self) -> String {
        let mut text = format!("{} started\n", self.started);
        if self.existing > 0 {
            text.push_str(&format!(
                "{} were there already, with the same business key\n",
                self.existing
            ));
        }
        for Line { line, error, .. } in &self.failures {
            let error = error.as_deref().unwrap_or_default();
            text.push_str(&format!("line {line}: {error}\n"));
        }
        let unnamed = self.failed - self.failures.len() as u64;
        if unnamed > 0 {
            text.push_str(&format!("and {unnamed} lines more\n"));
        }
        text
    }
}
