//! `amends man`: the manual pages.

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::args::Cli;
use crate::failure::{Failure, Kind, Outcome};
use crate::output;
use crate::setting_args::ManArgs;

/// Prints the page of one command, or writes those of all into a folder.
pub fn man(args: &ManArgs) -> Outcome {
    let mut root = Cli::command();
    root.build();
    let Some(folder) = &args.out else {
        let page = render(find(&root, &args.command)?)?;
        return output::text(&String::from_utf8_lossy(&page));
    };
    let failed = |error: &std::io::Error| {
        Failure::because(&format!("cannot write to {}", folder.display()), error)
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut rest = vec![&root];
    let mut count = 0;
    while let Some(command) = rest.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name());
        let file = folder.join(format!("{name}.1"));
        std::fs::write(file, render(command)?).map_err(|error| failed(&error))?;
        count += 1;
        rest.extend(pages_below(command));
    }
    output::text(&format!("{count} pages are in {}\n", folder.display()))
}

/// The subcommands that have pages; the generated `help` has none.
fn pages_below(command: &Command) -> impl Iterator<Item = &Command> {
    let all = command.get_subcommands();
    all.filter(|one| one.get_name() != "help")
}

fn find<'a>(root: &'a Command, words: &[String]) -> Result<&'a Command, Failure> {
    let mut command = root;
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| {
            let message = format!("there is no command `{}`", words.join(" "));
            Failure::new(Kind::NotFound, message).help("`amends --help` lists the commands")
        })?;
    }
    Ok(command)
}

fn render(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::because("the page cannot be written", &error))?;
    Ok(page)
}
