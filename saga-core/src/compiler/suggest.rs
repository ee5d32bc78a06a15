//! "Did you mean": the known name that is closest to what was written.

/// The candidate that a typing error most likely stands for, if any is near enough.
#[must_use]
pub fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LENGTH_MAX: usize = 64;
    if written.len() > LENGTH_MAX {
        return None;
    }
    let far = (written.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded(written), &folded(candidate)), candidate))
        .filter(|(distance, candidate)| {
            *distance <= far && candidate.len() <= LENGTH_MAX && *distance < written.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `startToClose` and `start_to_close` are the same slip.
fn folded(text: &str) -> Vec<char> {
    text.chars()
        .filter(|c| *c != '_' && *c != '-')
        .flat_map(char::to_lowercase)
        .collect()
}

/// Edits between two words, where swapping two neighbours is one edit.
fn distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut table = vec![0; width * (left.len() + 1)];
    for row in 0..=left.len() {
        for column in 0..width {
            table[row * width + column] = if row == 0 || column == 0 {
                row + column
            } else {
                let (l, r) = (left[row - 1], right[column - 1]);
                let replaced = table[(row - 1) * width + column - 1] + usize::from(l != r);
                let removed = table[(row - 1) * width + column] + 1;
                let inserted = table[row * width + column - 1] + 1;
                let mut best = replaced.min(removed).min(inserted);
                if row > 1 && column > 1 && l == right[column - 2] && left[row - 2] == r {
                    best = best.min(table[(row - 2) * width + column - 2] + 1);
                }
                best
            };
        }
    }
    table[width * (left.len() + 1) - 1]
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let words = ["action", "input", "depends_on", "compensate"];
        assert_eq!(closest("actoin", words), Some("action"));
        assert_eq!(closest("dependsOn", words), Some("depends_on"));
        assert_eq!(closest("compensation", words), Some("compensate"));
        assert_eq!(closest("frobnicate", words), None);
        assert_eq!(closest("x", words), None);
    }
}
