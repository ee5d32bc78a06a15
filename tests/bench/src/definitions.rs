//! The definitions that orchestrators are started with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

const FOUR_STEPS: &str = include_str!("../sagas/four-steps.yaml");

/// The steps of that file.
const STEPS: [&str; 4] = ["identify", "rate", "quote", "exchange"];

/// How often the long saga goes through them.
const TURNS: u32 = 25;

/// Files and folders with all of them. What is made is written to `folder`. The last one is that of
/// [`crate::workload::Workload::HundredSteps`].
pub(crate) fn definitions(folder: &Path) -> Result<[PathBuf; 2]> {
    let long = folder.join("hundred-steps.yaml");
    let text = hundred_steps().context("four-steps.yaml is not what it was")?;
    std::fs::write(&long, text).with_context(|| format!("write {}", long.display()))?;
    Ok([Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas"), long])
}

/// The saga of four steps with its steps 25 times over: the same work for each step, so that what a
/// step costs more is the length of the saga.
fn hundred_steps() -> Option<String> {
    let (head, rest) = FOUR_STEPS.split_once("steps:\n")?;
    let (steps, output) = rest.split_once("\noutput:")?;
    let mut text = head.replace("saga: four-steps", "saga: hundred-steps");
    text.push_str("steps:\n");
    for turn in 1..=TURNS {
        text.push_str(&numbered(steps, turn));
        text.push('\n');
    }
    text.push_str("output:");
    text.push_str(&numbered(output, TURNS));
    Some(text)
}

/// These steps under names of their own.
fn numbered(text: &str, turn: u32) -> String {
    STEPS.iter().fold(text.to_owned(), |text, step| {
        text.replace(&format!("id: {step}\n"), &format!("id: {step}{turn}\n"))
            .replace(
                &format!("steps.{step}.output"),
                &format!("steps.{step}{turn}.output"),
            )
    })
}

#[cfg(test)]
mod tests {
    use saga_core::compiler::compile;
    use saga_core::definition::StepKind;

    use super::*;
    use crate::workload::Workload;

    #[test]
    fn the_long_saga_has_the_steps_of_the_short_one() {
        let long = compile("hundred-steps.yaml", &hundred_steps().unwrap());
        let long = long.definition.unwrap();
        let short = compile("four-steps.yaml", FOUR_STEPS).definition.unwrap();
        assert_eq!(&*long.reference.name, Workload::HundredSteps.definition());
        assert_eq!(long.steps.len(), 100);
        for (step, same) in long.steps.iter().zip(short.steps.iter().cycle()) {
            let (StepKind::Action(call), StepKind::Action(as_call)) = (&step.kind, &same.kind)
            else {
                panic!("{} calls nobody", step.name.as_str());
            };
            assert_eq!(call.action, as_call.action);
        }
        // What a step reads is of its own turn, never of the first one.
        let reads_of_no_turn = STEPS.map(|step| format!("steps.{step}.output"));
        let text = hundred_steps().unwrap();
        assert!(reads_of_no_turn.iter().all(|read| !text.contains(read)));
    }
}
