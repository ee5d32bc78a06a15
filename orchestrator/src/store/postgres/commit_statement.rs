//! The commit statement, without the parts that a batch has no rows for.
//!
//! `sql/commit.sql` marks its parts by lines `-- if <what>, <or what>` and `-- end`. Left out, a part
//! costs nothing: its plan is not set up, its tables are not opened. A connection prepares each form of
//! the statement when it first needs it; a busy orchestrator knows some twenty.

use std::sync::OnceLock;

use super::statements;

/// What a batch may have rows of, by the names that the statement's marks use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Updates,
    Starts,
    Keys,
    ClosedKeys,
    Events,
    Values,
    GoodOutputs,
    Outbox,
    Confirmed,
    DeadLetters,
}

pub(super) const PARTS: [(Part, &str); 10] = [
    (Part::Updates, "updates"),
    (Part::Starts, "starts"),
    (Part::Keys, "keys"),
    (Part::ClosedKeys, "closed keys"),
    (Part::Events, "events"),
    (Part::Values, "values"),
    (Part::GoodOutputs, "good outputs"),
    (Part::Outbox, "outbox"),
    (Part::Confirmed, "confirmed"),
    (Part::DeadLetters, "dead letters"),
];

/// Every set of parts has its form.
const FORMS: usize = 1 << PARTS.len();

/// A set of parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Parts(usize);

impl Parts {
    /// Adds a part where there is something of it.
    #[must_use]
    pub(super) const fn with(self, part: Part, present: bool) -> Self {
        Self(self.0 | (present as usize) << part as usize)
    }

    const fn has(self, part: Part) -> bool {
        self.0 & (1 << part as usize) != 0
    }

    /// The statement for batches that have these parts and no other.
    pub(super) fn statement(self) -> &'static Form {
        static KNOWN: [OnceLock<Form>; FORMS] = [const { OnceLock::new() }; FORMS];
        KNOWN[self.0].get_or_init(|| Form::of(statements::COMMIT, self))
    }
}

/// One form of the statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) sql: String,
    /// Its parameters: `$1` is the first of these in the whole statement's numbers.
    pub(super) parameters: Vec<usize>,
}

impl Form {
    fn of(whole: &str, parts: Parts) -> Self {
        let mut form = Self {
            sql: String::with_capacity(whole.len()),
            parameters: Vec::new(),
        };
        let mut open: Vec<bool> = Vec::new();
        for line in whole.lines() {
            let text = line.trim_start();
            if let Some(names) = text.strip_prefix("-- if ") {
                open.push(names.split(", ").any(|name| wanted(parts, name)));
            } else if text == "-- end" {
                open.pop();
            } else if !text.starts_with("--") && open.iter().all(|open| *open) {
                form.add(text);
            }
        }
        form
    }

    /// Adds a line, its parameters numbered as they come.
    fn add(&mut self, line: &str) {
        let mut pieces = line.split('$');
        self.sql.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.len()
                - piece
                    .trim_start_matches(|it: char| it.is_ascii_digit())
                    .len();
            let (number, rest) = piece.split_at(digits);
            let number = number.parse().unwrap_or_default();
            let known = self.parameters.iter().position(|it| *it == number);
            let place = known.unwrap_or_else(|| {
                self.parameters.push(number);
                self.parameters.len() - 1
            });
            self.sql.push_str(&format!("${}{rest}", place + 1));
        }
        self.sql.push('\n');
    }
}

fn wanted(parts: Parts, name: &str) -> bool {
    let named = PARTS.iter().find(|(_, known)| *known == name);
    named.is_some_and(|(part, _)| parts.has(*part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(parts: &[Part]) -> Parts {
        parts
            .iter()
            .fold(Parts::default(), |all, part| all.with(*part, true))
    }

    fn everything() -> Parts {
        only(&PARTS.map(|(part, _)| part))
    }

    #[test]
    fn with_everything_it_is_the_whole_statement() {
        let form = Form::of(statements::COMMIT, everything());
        let mut parameters = form.parameters.clone();
        parameters.sort_unstable();
        assert_eq!(parameters, (1..=58).collect::<Vec<_>>());
        let kept = form.sql.lines().count();
        let whole = statements::COMMIT.lines().map(str::trim_start);
        assert_eq!(kept, whole.filter(|line| !line.starts_with("--")).count());
    }

    #[test]
    fn every_mark_is_known_and_closed() {
        let lines = || statements::COMMIT.lines().map(str::trim_start);
        let names = lines().filter_map(|line| line.strip_prefix("-- if "));
        for name in names.clone().flat_map(|names| names.split(", ")) {
            assert!(PARTS.iter().any(|(_, known)| *known == name), "{name}");
        }
        assert_eq!(
            names.count(),
            lines().filter(|line| *line == "-- end").count()
        );
        for (place, (part, name)) in PARTS.iter().enumerate() {
            assert_eq!(*part as usize, place, "{name}");
        }
    }

    #[test]
    fn what_there_is_nothing_of_is_left_out_and_parameters_close_up() {
        let whole = "WITH\n-- if updates, keys\na AS ($1, $7),\n-- end\n-- if starts\nb AS ($2\n    \
                     -- if keys\n    $3\n    -- end\n),\n-- end\nSELECT $7 -- sic\n-- why";
        let form = |parts: &[Part]| Form::of(whole, only(parts));
        let expected = |sql: &str, parameters: &[usize]| Form {
            sql: sql.to_owned(),
            parameters: parameters.to_vec(),
        };
        assert_eq!(form(&[]), expected("WITH\nSELECT $1 -- sic\n", &[7]));
        assert_eq!(
            form(&[Part::Starts]),
            expected("WITH\nb AS ($1\n),\nSELECT $2 -- sic\n", &[2, 7])
        );
        assert_eq!(
            form(&[Part::Starts, Part::Keys]),
            expected(
                "WITH\na AS ($1, $2),\nb AS ($3\n$4\n),\nSELECT $2 -- sic\n",
                &[1, 7, 2, 3]
            )
        );
    }
}
