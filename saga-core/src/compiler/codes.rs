//! What every code means, for `amends explain-code`.

use super::code::Code;

/// The story of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The code.
    pub code: Code,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why it matters and what to do; lines of at most 80 columns.
    pub text: &'static str,
}

/// The story of a code.
#[must_use]
pub fn explain(code: Code) -> Explained {
    let head = format!("{code} ");
    let entry = STORIES
        .split("\n\n")
        .find_map(|entry| entry.trim_start().strip_prefix(&*head));
    let (title, text) = entry
        .and_then(|entry| entry.split_once('\n'))
        .unwrap_or_default();
    Explained {
        code,
        title,
        text: text.trim_end(),
    }
}

/// One paragraph for each code: its title, then the explanation.
const STORIES: &str = r#"
AM001 the file is too large
A definition may have 1 MiB. One saga with 200 steps needs a small part of that.
Data belongs into the input of a saga, not into its definition.

AM002 the file is not YAML
The text cannot be read as YAML 1.2. The mark is where reading stopped, which is
often just behind the mistake: a missing quote, a wrong indentation, a `: ` inside
unquoted text. Inside `{…}` and `[…]` an expression must stand in quotes, because
its own braces would end the mapping: { id: "${input.orderId}" }

AM003 a tab indents a line
YAML is indented with spaces. Set your editor to insert spaces in .yaml files.

AM004 the file holds no mapping
A definition is a mapping that begins with `saga`, `version` and `steps`. The file
is empty, or its outermost value is a list or a single text.

AM005 more than one document
A line `---` begins a second YAML document. One file holds one saga, so that a
name and a version say which file was registered.

AM006 an anchor or alias
`&name` and `*name` are refused: a few lines of them can stand for gigabytes, and
a reviewer would have to expand them by hand. What all steps share goes under
`defaults`.

AM007 a YAML tag
Tags such as `!!str` or `!include` ask the reader to build something special.
Types follow from how a value is written; put text that looks like a number in
quotes.

AM008 nested too deep
Lists and mappings may be nested 64 deep, which no reader would follow anyway.

AM009 too many values
A definition may hold 50,000 values, keys and list elements together.

AM010 a field is written twice
YAML would silently keep one of the two. Which one depends on the program that
reads it, so this is always an error here.

AM011 the name of a field is not text
YAML allows lists and mappings as names of fields. JSON does not, and neither do
definitions.

AM012 an unknown field
The field is not part of the language, so nothing would act on it. Mostly it is a
slip of the pen, and the help says what was probably meant.

AM013 a field is missing
The field has no default. A saga needs `saga`, `version` and `steps`; a step needs
`id` and `action`; a compensation needs `action`.

AM014 a value of the wrong type
The field wants another kind of value: a mapping, a list, text, a number, true or
false. The message says which, and what is there.

AM015 yes, no, on or off as a boolean
Old YAML read `yes`, `no`, `on` and `off` as booleans; YAML 1.2 reads them as
text. Write true or false.

AM017 a bad name for a saga
Names become part of keys, addresses and file names: lower-case letters, digits
and `-`, a letter first, at most 60 bytes.

AM018 a bad version
A version is three numbers as in semantic versioning, 1.4.0, with an optional
pre-release such as 1.4.0-rc.1. A registered version never changes; a change gets
a new number.

AM019 a bad duration
Durations are numbers with units, without blanks: 250ms, 30s, 1m30s, 2h, 30d.

AM020 a number out of range
The field takes numbers of a certain range only; the message names it.

AM021 a bad id for a step
Ids are read inside expressions, where a dash means minus and `input`, `steps` and
`saga` have a meaning of their own. Use letters, digits and `_`, a lower-case
letter first, at most 60 bytes.

AM022 a bad name for an action
An action is `pool.operation`, such as payments.charge: the workers that do it,
and what they do. Both parts begin with a letter and hold letters, digits, `_` and
`-`; together at most 100 bytes.

AM023 the number of steps
A saga has 1 to 200 steps. What needs more is several sagas.

AM024 a step of several kinds, or of none
A step does one thing: `action` has a worker do it, `wait_for` waits for a signal,
`sleep` waits a time, `saga` runs another saga. Two of them are two steps, so that
each has a name, a state and an undo of its own.

AM025 two steps with the same id
The id names the step in expressions, events and tables, so it must be unique in
the saga.

AM026 a number that JSON cannot hold
Values travel as JSON, which has no infinity, no "not a number" and no integers
beyond 64 bits. Put such a value in quotes to send it as text.

AM027 an element cannot have this name
`as` is what expressions call an element of `for_each`: a lower-case letter, then
letters, digits and `_`. It cannot be `input`, `saga` or `steps`, which mean
something else, nor the id of a step, which would only confuse readers.

AM028 a signal cannot have this name
Names of signals are letters, digits, `_`, `-` and `.`, a letter first, at most 60
bytes, so that they can be written on a command line and in a URL.

AM030 depends_on names no step
The list holds ids of other steps of the same saga.

AM031 a step waits for itself
A step that depends on itself can never start.

AM032 a dependency is listed twice
Naming it once is enough; the second was probably meant to be another step.

AM033 steps wait for each other
Following `depends_on` leads back to where it began, so none of these steps could
ever start. A step without `depends_on` waits for the one that is written before
it; that can close a cycle as well.

AM040 nothing undoes this step
The step changes something, and the saga may still fail, be cancelled or run past
its deadline afterwards, even when it is the last step. Then its effect would stay
behind unnoticed. Give it a `compensate`; or say `no_effect: true` when it only
reads; or `compensate: none` with `because` when it cannot be undone, and the
saga will report it as residue; or put it behind a `pivot`.

AM041 no reason why a step cannot be undone
With `compensate: none` an unwound saga ends `compensated` although the effect of
this step remains. `because` tells whoever finds it what that means.

AM042 a setting that does nothing
The setting has no effect together with the others, so one of them is not what was
meant: `because` without `compensate: none`, `no_effect` together with
`compensate`, or `no_effect: false`.

AM043 a compensation at or after the pivot
The pivot is the point of no return. Once it has succeeded the saga only goes
forward, and when the pivot fails nothing of it needs undoing. A compensation here
would never run.

AM044 a second pivot on one path
After the first pivot nothing is undone any more, so a second one has no meaning.
Keep the one that really cannot be taken back; the steps behind it are retried
until they succeed.

AM045 undoing after the pivot
`on_failure: compensate` asks to unwind, which is impossible after the pivot. A
step that gives up there pauses the saga for an operator; `continue` goes on
without it.

AM046 a step beside the pivot (warning)
Nothing orders this step and the pivot, so the pivot may succeed while the step is
still under way. If the step then fails the saga can neither go on nor unwind: it
pauses for an operator. Mostly the pivot should depend on the step.

AM047 a pivot that can be passed over
What follows the pivot is never undone, because the pivot has happened. A pivot
with `when`, or one that is passed over when it fails, may not have happened, and
the saga could neither go back nor trust its way forward. Put the condition on
another step.

AM048 a pivot that is split into elements
A point of no return is one moment. With `for_each` some elements would have passed
it and others not, and nobody could say whether the saga may still be undone. Put a
step of its own before or behind the elements and make that the pivot.

AM050 an expression that is never closed
`${` begins an expression and `}` ends it; braces and quotes inside must match. To
write the two characters themselves, write `$${`.

AM051 an expression that cannot be read
Expressions are CEL, the Common Expression Language, as in Kubernetes: operators
as in C, `a ? b : c`, `in`, lists, objects, and the functions size, string, int,
double, contains, startsWith, endsWith, has, map, filter, all, exists, exists_one.

AM052 an expression that is too long
An expression may have 4,096 bytes. What is larger is a program and belongs into a
worker, where it can be tested.

AM053 an expression with too many parts
An expression may have 2,000 nodes after its macros are expanded, because
evaluation time grows with them.

AM054 an expression that is nested too deep
Evaluation recurses once per level, so the depth is bounded at 64. A long chain of
`+` counts as one level per operand; join lists or interpolate text instead.

AM055 loops inside loops inside loops
map, filter, all, exists and exists_one may sit inside each other twice. Each
level multiplies the work by the length of a list.

AM056 an unknown name in an expression
An expression sees `input`, `steps` and `saga`, and inside map, filter, all and
exists the name given to the element. Nothing else: no clock, no randomness, no
environment, so that a replay computes the same.

AM057 an unknown function in an expression
Only a fixed set of functions can be called, all of them without side effects:
size, string, int, double, contains, startsWith, endsWith, has, map, filter, all,
exists, exists_one.

AM058 an incomplete reference
Of a step an expression reads steps.<id>.output, steps.<id>.status or
steps.<id>.error; of the saga saga.id, saga.key, saga.startedAt or saga.labels.
The step's id must be written out, so that the compiler knows what is read.

AM059 an expression where none is evaluated
Expressions work in `key`, `when`, the `input` of actions and compensations, and
`output`. Names of fields, labels, descriptions and the fixed output of
`on_failure` are taken as they are.

AM060 an expression reads an unknown step
`steps.<id>` names a step of the same saga.

AM061 an expression reads a step that may not have finished
A step can read what certainly finished before it starts: the steps it depends on,
directly or through others. A compensation can also read its own step, because it
only runs when that step has happened. Without `depends_on` a step depends on the
one written before it.

AM062 an expression reads a field the input does not have
The schema under `input` lists the fields of the start payload and this is not one
of them, so every saga would fail here. Correct the name or add the field to
`properties`. Fields the schema leaves open (`additionalProperties: true`) are not
checked.

AM063 the key reads more than the input
The business key is computed before the saga exists, to find out whether there is
one already. At that point there is nothing but the input.

AM064 an expression reads an optional field (warning)
The schema does not require this field. When a payload leaves it away the step
fails, or the start is refused when the key reads it. Add the field to `required`,
or ask first: has(input.x) ? input.x : "default"

AM065 an expression reads the output of a step that may be skipped (warning)
A step with `when` may be skipped, and one with `on_failure: continue` may give
up; its output is then null, and null has no fields. Ask for its status first, in
the expression or in `when`.

AM070 a bad JSON Schema
The value under `input` must be a JSON Schema, draft 2020-12. References to other
files or addresses are not followed, and patterns use a syntax without
backtracking (no look-around), so that no payload can stall a start.

AM080 one attempt outlives the whole step
`schedule_to_close` limits all attempts together, `start_to_close` each of them.
With the first shorter than the second, an attempt that uses its time is always
cut off.

AM081 a time limit that never fires
Another limit ends the step before this one could: `heartbeat` must be shorter
than `start_to_close`, `schedule_to_start` shorter than `schedule_to_close`.

AM082 delays that shrink
`backoff_coefficient` multiplies the delay after each attempt. Below 1 a failing
service would be asked more and more often.

AM083 a bad jitter
`jitter` is the share by which a delay varies in both directions, from 0.0 (not at
all) to 1.0. It keeps sagas that failed together from coming back together.

AM084 the first delay is above the maximum
`maximum_interval` caps every delay, the first one too, so `initial_interval`
would never be used. The one that is not written here comes from `defaults` or
from the built-in policy (1s, at most 1m).

AM085 the deadline lies behind the end of life
A saga rests paused when it reaches `max_lifetime` (30d when not written), so a
later `deadline` would never be acted upon.

AM086 a span of time that makes no sense
Spans are longer than zero and at most 3650 days. Leave a limit away to have none.

AM087 a retry that never comes (warning)
The first retry waits for `initial_interval`, less the jitter. `schedule_to_close`
has ended the step by then, so there is only one attempt. Shorten the delay, raise
the limit, or say `maximum_attempts: 1`.

AM088 a step waits longer than the saga may live
When `max_lifetime` is reached the saga rests for an operator, so what waits longer
can never end by itself. Raise `max_lifetime` or shorten the wait.
"#;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Code, STORIES, explain};

    #[test]
    fn every_code_is_unique_and_explained() {
        let codes: BTreeSet<String> = Code::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(Code::ALL.is_sorted());
        for code in Code::ALL {
            let story = explain(code);
            assert!(!story.title.is_empty(), "{code} has no title");
            assert!(story.text.len() > 40, "{code} has no explanation");
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        let told: BTreeSet<String> = STORIES
            .split("\n\n")
            .filter_map(|entry| entry.trim_start().split(' ').next().map(str::to_owned))
            .collect();
        assert_eq!(
            told, codes,
            "the table explains exactly the codes there are"
        );
    }

    #[test]
    fn stories_fit_a_terminal() {
        let wide: Vec<&str> = STORIES
            .lines()
            .filter(|line| line.chars().count() > 84)
            .collect();
        assert!(wide.is_empty(), "{wide:?}");
    }

    #[test]
    fn a_code_can_be_typed_carelessly() {
        assert_eq!("am012".parse(), Ok(Code::UnknownField));
        assert!("AM999".parse::<Code>().is_err());
    }
}
