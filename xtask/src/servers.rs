//! The private servers: found, installed when they are missing, started.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use local_engine::{Durability, Keep, LocalEngine, Options, Packages, can_install, install};

use crate::repository::root;

/// How often the servers are looked at while nothing happens.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// What `cargo xtask servers` was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    durability: Durability,
    folder: PathBuf,
}

impl Request {
    pub(crate) fn parse(args: &[String]) -> Option<Self> {
        let folder = root().join("target").join("servers");
        let mut request = Self {
            durability: Durability::Full,
            folder,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--fast" => request.durability = Durability::Fast,
                "--folder" => request.folder = args.next()?.into(),
                _ => return None,
            }
        }
        Some(request)
    }
}

/// Starts both servers, prints their URLs, and waits for Ctrl-C, which ends this process; the
/// servers notice and stop.
pub(crate) fn run(request: &Request) -> Result<ExitCode> {
    let options = Options {
        durability: request.durability,
        keep: Keep::Data,
    };
    let mut engine = start(&request.folder, options)?;
    for (name, value) in environment(&engine) {
        println!("export {name}='{value}'");
    }
    eprintln!(
        "data and logs are in {}; Ctrl-C stops the servers",
        engine.folder().display()
    );
    loop {
        sleep(WATCH_PERIOD);
        if let Some(failure) = engine.failure() {
            bail!("{failure}");
        }
    }
}

/// Starts the servers, which are installed first where that is possible.
pub(crate) fn start(folder: &Path, options: Options) -> Result<LocalEngine> {
    let packages = find_or_install()?;
    let begin = Instant::now();
    let engine = LocalEngine::start(&packages, folder, options)
        .context("could not start the private servers")?;
    eprintln!(
        "PostgreSQL and RabbitMQ started in {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(engine)
}

/// What tests read to find the servers.
pub(crate) fn environment(engine: &LocalEngine) -> [(&'static str, String); 3] {
    [
        ("AMENDS_TEST_POSTGRES_URL", engine.postgres_url()),
        ("AMENDS_TEST_AMQP_URL", engine.amqp_url()),
        (
            "AMENDS_TEST_RABBITMQCTL",
            engine.rabbitmqctl_program().display().to_string(),
        ),
    ]
}

fn find_or_install() -> Result<Packages> {
    let missing = match Packages::find() {
        Ok(packages) => return Ok(packages),
        Err(missing) if can_install() => missing,
        Err(missing) => return Err(missing.into()),
    };
    let log = std::env::temp_dir().join(format!("amends-install-{}.log", std::process::id()));
    let names = missing.packages().join(" and ");
    eprintln!(
        "installing {names} with apt-get; output is in {}",
        log.display()
    );
    install(&missing, &log)?;
    Ok(Packages::find()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Option<Request> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Request::parse(&args)
    }

    #[test]
    fn understands_its_arguments() {
        let request = parse(&["--folder", "here", "--fast"]).unwrap();
        assert_eq!(request.folder, Path::new("here"));
        assert_eq!(request.durability, Durability::Fast);
        assert_eq!(parse(&[]).unwrap().durability, Durability::Full);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(parse(&["--folder"]), None);
        assert_eq!(parse(&["--slow"]), None);
    }
}
