//! Asks before much is done.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::failure::{Failure, Kind, Outcome};

/// Goes on when somebody has said yes: by flag, or now on the terminal. `what` is what would
/// be done, such as `cancel 12 sagas`.
///
/// # Errors
/// There is no terminal to ask on, or the answer was another one.
pub async fn confirm(what: String, yes: bool) -> Outcome {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let message = format!("this would {what}, and nothing was done");
        return Err(Failure::new(Kind::Usage, message).help("look with --dry-run, then say --yes"));
    }
    // A thread of its own may wait for ever; Ctrl-C ends the process while nothing is done yet.
    let asked = tokio::task::spawn_blocking(move || ask(&what));
    let said = asked
        .await
        .map_err(|error| Failure::because("nobody could be asked", &error))?;
    if said.map_err(|error| Failure::because("nobody could be asked", &error))? {
        return Ok(());
    }
    Err(Failure::new(Kind::Refused, "nothing was done"))
}

fn ask(what: &str) -> std::io::Result<bool> {
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{what}? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
