//! Who asks, and what is on record of it, as the command line shows them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use orchestrator::auth::Role;

use crate::amends::{Dev, Ran, run};
use crate::inside::{Inside, LONELY};

/// No line is longer than a terminal is wide.
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "too long: {line}");
    }
}

/// A saga that waits for a person.
fn waiting(dev: &Dev) -> String {
    let input = r#"{"applicationId": "a-1", "applicant": {"name": "Ada", "email": "a@b"},
                    "coolingOff": "14d"}"#;
    let example = dev.run_with_input(
        &["saga", "start", "account-opening", "-f", "-", "-o", "json"],
        input,
    );
    example.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn the_audit_log_reads_and_its_chain_holds() {
    let dev = Dev::start();
    let none = dev.run(&["audit"]);
    assert_eq!((none.code, none.out.as_str()), (0, "nothing was asked\n"));
    let empty = dev.run(&["audit", "--verify"]);
    assert!(
        empty.out.contains("the audit log holds: 0 records"),
        "{empty:?}"
    );
    let saga = waiting(&dev);
    let long = "the applicant asked us on the phone to stop everything until the papers are there";
    let pause = ["saga", "pause", &saga, "--reason", long, "--as", "ada"];
    assert_eq!(dev.run(&pause).code, 0);
    assert_eq!(dev.run(&pause).code, 5);
    let told = dev.run(&["audit"]);
    fits(&told.out);
    for text in [
        "saga.pause done",
        "saga.pause refused",
        "by ada\n",
        &saga,
        "-> paused at",
    ] {
        assert!(
            told.out.contains(text),
            "{text} is missing in\n{}",
            told.out
        );
    }
    let page = dev.run(&["audit", "--limit", "1"]);
    assert!(page.out.ends_with("more: --cursor 4\n"), "{page:?}");
    let rest = dev.run(&["audit", "--cursor", "4", "-o", "json"]).json();
    assert_eq!(rest["records"][0]["phase"], "done", "{rest}");
    let lines = dev.run(&["audit", "--all", "-o", "jsonl"]);
    assert_eq!(lines.out.lines().count(), 4);

    let verified = dev.run(&["audit", "--verify", "-o", "json"]).json();
    assert_eq!(
        (&verified["holds"], &verified["records"]),
        (&true.into(), &4.into())
    );
    let anchor = verified["anchor"].as_str().expect("an anchor");
    let again = dev.run(&["audit", "--verify", "--anchor", anchor]);
    assert_eq!(again.code, 0, "{again:?}");
    let other = format!("4:{}", "0".repeat(64));
    dev.run(&["audit", "--verify", "--anchor", &other]).failed(
        1,
        &["tampered", "record 4 is not the one that the anchor names"],
    );
    let longer = format!("9:{}", "0".repeat(64));
    dev.run(&["audit", "--verify", "--anchor", &longer])
        .failed(1, &["ends at record 4, and had 9 once"]);
    dev.run(&["audit", "--verify", "--anchor", "soon"])
        .failed(2, &["COUNT:HASH"]);
    dev.run(&["audit", "--since", "soon"])
        .failed(2, &["--since"]);
    dev.run(&["audit", "--saga", "x"])
        .failed(2, &["not a saga id"]);
}

fn shows_no(secret: &str, ran: &Ran) {
    let shown = format!("{}{}", ran.out, ran.err);
    assert!(!shown.contains(secret), "the token is shown: {shown}");
}

#[test]
fn a_token_is_never_shown_and_never_sent_where_others_listen() {
    let secret = "amends_5ec2e7000000000000000000000000000000000";
    let elsewhere = ["saga", "list", "--server", "http://amends.example"];
    let refused = run(&elsewhere, &[("AMENDS_TOKEN", secret)]);
    refused.failed(5, &["unencrypted", "https://", "--token-unencrypted"]);
    shows_no(secret, &refused);
    let broken = format!("{secret}\u{e9}\u{7}");
    let refused = run(&["saga", "list"], &[("AMENDS_TOKEN", &broken)]);
    refused.failed(2, &["characters that no token has"]);
    shows_no(secret, &refused);
    let help = run(&["saga", "list", "--help"], &[("AMENDS_TOKEN", secret)]);
    shows_no(secret, &help);
    // Nobody is asked, so it is not looked at.
    let dev = Dev::start();
    assert_eq!(dev.run(&["saga", "list", "--token", secret]).code, 0);
    run(&["token", "create", "x", "--role", "king"], &[])
        .failed(2, &["`king` is no role", "viewer, operator or admin"]);
    run(&["token", "create", "", "--role", "admin"], &[]).failed(2, &["1 to 200 bytes"]);
}

/// A folder of configurations with one profile, whose token is in a file of its own.
struct Home(PathBuf);

impl Home {
    fn with(server: &str, token: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("amends-home-{}", std::process::id()));
        let own = folder.join("amends");
        std::fs::create_dir_all(&own).expect("a folder");
        let profile = format!("[staging]\nserver = \"{server}\"\ntoken_file = \"staging.token\"\n");
        std::fs::write(own.join("profiles.toml"), profile).expect("write profiles");
        let home = Self(folder);
        std::fs::write(home.token(), format!("{token}\n")).expect("write a token");
        home
    }

    fn token(&self) -> PathBuf {
        self.0.join("amends/staging.token")
    }

    fn readable(&self, mode: u32) {
        let mode = Permissions::from_mode(mode);
        std::fs::set_permissions(self.token(), mode).expect("change who can read it");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A folder that stays harms nobody.
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_profile_brings_its_token_and_others_who_can_read_it_are_told_of() {
    let inside = Inside::start_guarded(&[LONELY]);
    let secret = inside.token("eve", Role::Viewer);
    let home = Home::with(&inside.server(), &secret);
    let settings = [
        ("XDG_CONFIG_HOME", home.0.to_str().expect("a UTF-8 path")),
        // Of another server, so it is not what is sent.
        ("AMENDS_TOKEN", "amends_0000"),
    ];
    let list = ["saga", "list", "--profile", "staging"];
    home.readable(0o600);
    let quiet = run(&list, &settings);
    assert_eq!((quiet.code, &*quiet.err), (0, ""), "{quiet:?}");
    home.readable(0o640);
    let warned = run(&list, &settings);
    assert_eq!((warned.code, &warned.out), (0, &quiet.out), "{warned:?}");
    assert!(
        warned
            .err
            .starts_with("warning: others can read the token in ")
    );
    assert!(
        warned.err.contains("staging.token\n  help: chmod 600 "),
        "{warned:?}"
    );
    shows_no(&secret, &warned);
    let denied = run(
        &[&list[..], &["--token", "amends_0000"]].concat(),
        &settings,
    );
    denied.failed(5, &["put a token into AMENDS_TOKEN"]);
}

#[test]
fn settings_that_do_not_fit_are_told_before_anything_starts() {
    let issuer = ("AMENDS__AUTH__OIDC__ISSUER", "https://id.example/");
    run(&["serve"], &[issuer]).failed(
        2,
        &["auth.oidc.issuer is set, and auth.oidc.audience is not"],
    );
    let audience = ("AMENDS__AUTH__OIDC__AUDIENCE", "amends");
    run(&["serve"], &[issuer, audience]).failed(2, &["auth.oidc.jwks is not"]);
}
