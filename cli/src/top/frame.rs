//! What is on the screen: lines of pieces, each with a style.

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Head,
    Dim,
    Bad,
    Chosen,
}

impl Style {
    /// As the terminal is told.
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Head => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Bad => "\x1b[31m",
            Self::Chosen => "\x1b[7m",
        }
    }
}

/// A screen full of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    pub(super) lines: Vec<(Style, String)>,
}

impl Frame {
    pub(super) fn push(&mut self, style: Style, text: impl Into<String>) {
        self.lines.push((style, text.into()));
    }

    /// Fits it: no line is wider, and there are exactly so many.
    pub(super) fn fit(mut self, width: usize, height: usize) -> Self {
        for (style, line) in &mut self.lines {
            // What came from outside could move the cursor.
            let mut text: String = line
                .chars()
                .map(|it| if it.is_control() { ' ' } else { it })
                .take(width)
                .collect();
            if *style == Style::Chosen {
                let missing = width.saturating_sub(text.chars().count());
                text.push_str(&" ".repeat(missing));
            }
            *line = text;
        }
        self.lines.resize(height, (Style::Plain, String::new()));
        self
    }

    /// As text, without what follows the last line that says something.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|(_, line)| line.trim_end()).collect();
        let mut text = lines.join("\n").trim_end().to_owned();
        text.push('\n');
        text
    }

    /// As a terminal reads it, each line from its beginning. Without colour, the line that is chosen
    /// is still told apart.
    #[must_use]
    pub fn painted(&self, colour: bool) -> String {
        let mut out = String::new();
        for (index, (style, line)) in self.lines.iter().enumerate() {
            if index > 0 {
                out.push_str("\r\n");
            }
            let code = if colour || *style == Style::Chosen {
                style.code()
            } else {
                ""
            };
            let end = if code.is_empty() { "" } else { "\x1b[0m" };
            out.push_str(&format!("{code}{line}{end}\x1b[K"));
        }
        out
    }
}
