//! `amends validate`: every problem of every file at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use saga_core::catalogue::Catalogue;
use saga_core::compiler::{self, Compiled, CompiledCatalogue, Severity};

use crate::args::Format;
use crate::config::Settings;
use crate::definition_args::{ValidateArgs, ValidateFormat};
use crate::failure::{Failure, Outcome};
use crate::findings::{FileReport, sarif};
use crate::sources::{self, Raw};
use crate::{load, output};

/// What a catalogue is called where it lies beside definitions.
const CATALOGUE: &str = "operations.yaml";

/// One checked file.
struct Checked {
    compiled: Compiled,
    /// What the spans of its diagnostics point into.
    text: String,
    /// It describes workers and is no saga.
    operations: Option<usize>,
}

/// Checks the files and prints what is wrong with them.
pub fn validate(args: &ValidateArgs) -> Outcome {
    let files = sources::read_raw(&args.files)?;
    let mut catalogues = Catalogues::new(args.operations.as_deref())?;
    let mut checked = Vec::with_capacity(files.len());
    for file in &files {
        checked.push(check(file, &mut catalogues)?);
    }
    let mut all = catalogues.broken;
    // One that was named as a file as well has been told there.
    all.retain(|one| files.iter().all(|file| file.shown != one.compiled.file));
    all.extend(checked);
    match args.output {
        ValidateFormat::Table | ValidateFormat::Wide => {
            for one in &all {
                output::text(&told(one, args.load))?;
            }
        }
        ValidateFormat::Json | ValidateFormat::Jsonl => reports(&all, args.load, Format::Jsonl)?,
        ValidateFormat::Yaml => reports(&all, args.load, Format::Yaml)?,
        ValidateFormat::Sarif => {
            let compiled: Vec<(&Compiled, &str)> = all
                .iter()
                .map(|one| (&one.compiled, one.text.as_str()))
                .collect();
            output::json(&sarif(&compiled))?;
        }
    }
    verdict(&all)
}

/// A document for each file.
fn reports(all: &[Checked], with_load: bool, format: Format) -> Outcome {
    all.iter().try_for_each(|one| {
        let report = FileReport::new(&one.compiled, with_load);
        output::one_of_many(format, &report, |_| told(one, with_load))
    })
}

fn verdict(all: &[Checked]) -> Outcome {
    let errors = |one: &Checked| count(&one.compiled, Severity::Error);
    let broken: usize = all.iter().map(errors).sum();
    if broken == 0 {
        return Ok(());
    }
    let files = all.iter().filter(|one| errors(one) > 0).count();
    let message = format!("{broken} errors in {files} of {} files", all.len());
    let code = all
        .iter()
        .flat_map(|one| &one.compiled.diagnostics)
        .find(|one| one.severity == Severity::Error)
        .map_or_else(String::new, |one| one.code.to_string());
    Err(Failure::error(message).help(format!(
        "`amends explain-code {code}` tells the whole story of a code"
    )))
}

fn count(compiled: &Compiled, severity: Severity) -> usize {
    let those = compiled
        .diagnostics
        .iter()
        .filter(|one| one.severity == severity);
    those.count()
}

fn check(file: &Raw, catalogues: &mut Catalogues) -> Result<Checked, Failure> {
    if file.path.file_name().is_some_and(|name| name == CATALOGUE) {
        let (compiled, text) = catalogue(file);
        let operations = compiled.catalogue.as_ref().map(Catalogue::len);
        return Ok(Checked {
            operations,
            ..broken(compiled, text)
        });
    }
    let catalogue = catalogues.beside(&file.path)?;
    let (compiled, text) = compiler::compile_bytes(&file.shown, &file.bytes, catalogue);
    Ok(Checked {
        compiled,
        text: text.to_owned(),
        operations: None,
    })
}

fn catalogue(file: &Raw) -> (CompiledCatalogue, String) {
    // What is no UTF-8 is told in the words for definitions.
    let (compiled, text) = match std::str::from_utf8(&file.bytes) {
        Ok(source) => {
            return (
                compiler::compile_catalogue(&file.shown, source),
                source.to_owned(),
            );
        }
        Err(_) => compiler::compile_bytes(&file.shown, &file.bytes, None),
    };
    let compiled = CompiledCatalogue {
        file: compiled.file,
        catalogue: None,
        diagnostics: compiled.diagnostics,
    };
    (compiled, text.to_owned())
}

fn broken(compiled: CompiledCatalogue, text: String) -> Checked {
    Checked {
        compiled: Compiled {
            file: compiled.file,
            definition: None,
            diagnostics: compiled.diagnostics,
        },
        text,
        operations: None,
    }
}

/// The catalogues that definitions are checked against: the named one, or those beside them.
struct Catalogues {
    /// The one that was named; without a catalogue when that has errors.
    named: Option<Option<Catalogue>>,
    beside: BTreeMap<PathBuf, Option<Catalogue>>,
    /// Those with errors, which are told like any file.
    broken: Vec<Checked>,
}

impl Catalogues {
    fn new(named: Option<&Path>) -> Result<Self, Failure> {
        let mut catalogues = Self {
            named: None,
            beside: BTreeMap::new(),
            broken: Vec::new(),
        };
        if let Some(path) = named {
            catalogues.named = Some(catalogues.read(path)?);
        }
        Ok(catalogues)
    }

    fn read(&mut self, path: &Path) -> Result<Option<Catalogue>, Failure> {
        let (compiled, text) = catalogue(&sources::read_one(path)?);
        if compiled.catalogue.is_none() {
            self.broken.push(broken(compiled, text));
            return Ok(None);
        }
        Ok(compiled.catalogue)
    }

    fn beside(&mut self, file: &Path) -> Result<Option<&Catalogue>, Failure> {
        let path = file.with_file_name(CATALOGUE);
        if self.named.is_none() && !self.beside.contains_key(&path) {
            let found = if path.is_file() {
                self.read(&path)?
            } else {
                None
            };
            self.beside.insert(path.clone(), found);
        }
        let found = self.named.as_ref().or_else(|| self.beside.get(&path));
        Ok(found.and_then(Option::as_ref))
    }
}

fn told(one: &Checked, with_load: bool) -> String {
    let compiled = &one.compiled;
    let mut text = compiler::render(
        &compiled.diagnostics,
        &compiled.file,
        &one.text,
        Settings::colour(),
    );
    let warnings = match count(compiled, Severity::Warning) {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        several => format!(", {several} warnings"),
    };
    if let Some(definition) = &compiled.definition {
        let steps = match definition.steps.len() {
            1 => "1 step".to_owned(),
            several => format!("{several} steps"),
        };
        let (file, reference) = (&compiled.file, &definition.reference);
        text.push_str(&format!("{file}: {reference}, {steps}{warnings}, ok\n"));
        if with_load {
            text.push_str(&load::told(definition));
        }
    } else if let Some(operations) = one.operations {
        text.push_str(&format!("{}: {operations} operations, ok\n", compiled.file));
    }
    text
}
