//! `amends doctor`: whether a deployment has what it needs.

use serde_json::json;

use crate::checkup::{Check, Verdict, examine};
use crate::failure::{Failure, Outcome};
use crate::mend_args::DoctorArgs;
use crate::{config, output};

/// Columns of a terminal, less the verdict.
const WIDTH: usize = 74;

/// Examines everything and prints a line for each thing.
pub async fn doctor(args: &DoctorArgs) -> Outcome {
    let settings = config::read(args.config.as_deref())?;
    let checks = examine(&settings).await;
    let count = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
    let (fine, warnings, failures) = (
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Fail),
    );
    let report = json!({
        "ok": failures == 0,
        "fine": fine,
        "warnings": warnings,
        "failures": failures,
        "checks": checks,
    });
    output::page(args.output, &report, &checks, |_| {
        let lines: String = checks.iter().map(line).collect();
        format!("{lines}\n{fine} fine, {warnings} to look at, {failures} wrong\n")
    })?;
    match failures {
        0 => Ok(()),
        failures => Err(Failure::error(format!(
            "{failures} of {} checks failed",
            checks.len()
        ))),
    }
}

fn line(check: &Check) -> String {
    let found = format!("{}: {}", check.name, check.found);
    let mut text = format!("{:4}  ", check.verdict.as_str());
    text.push_str(&output::folded(&found, WIDTH).join("\n      "));
    text.push('\n');
    if let Some(remedy) = &check.remedy {
        let remedy = output::folded(remedy, WIDTH - 3).join("\n         ");
        text.push_str(&format!("      -> {remedy}\n"));
    }
    text
}
