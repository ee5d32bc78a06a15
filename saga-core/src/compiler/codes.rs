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
const STORIES: &str = include_str!("stories.txt");

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
