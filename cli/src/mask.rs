//! Passwords out of what is shown.

/// What stands for a password.
const STARS: &str = "***";

/// The name of the parameter that is one, in a URL and in PostgreSQL's `name=value` form.
const PARAMETER: &str = "password";

/// A text in which every password is three stars: of one URL, of several with commas between them,
/// or of PostgreSQL's `host=… password=…`. Rather too much is masked than too little.
pub(crate) fn masked(text: &str) -> String {
    if !begins_url(text) {
        return without_parameters(text, char::is_whitespace);
    }
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (url, behind) = rest.split_at(end_of_url(rest));
        shown.push_str(&without_parameters(&without_credentials(url), |it| {
            it == '&'
        }));
        rest = behind;
    }
    shown
}

/// Whether a text begins with a scheme and `://`, after blanks.
fn begins_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        let scheme = scheme.trim_start();
        !scheme.is_empty() && scheme.chars().all(|it| it.is_ascii_alphanumeric())
    })
}

/// Where the first of several URLs ends: a password may have commas, so another URL must follow.
fn end_of_url(text: &str) -> usize {
    let mut commas = text.match_indices(',').map(|(at, _)| at + 1);
    commas
        .find(|after| begins_url(&text[*after..]))
        .unwrap_or(text.len())
}

/// Credentials run to the last `@` before the query, as the broker's client reads them. Where there
/// is none they may still have `?` in them: the database's client takes everything to the first `@`.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let query = rest.find('?').unwrap_or(rest.len());
    let at = rest[..query].rfind('@').or_else(|| rest.find('@'));
    let Some((credentials, host)) = at.map(|at| rest.split_at(at)) else {
        return url.to_owned();
    };
    match credentials.split_once(':') {
        Some((user, password)) if !password.is_empty() => {
            format!("{scheme}://{user}:{STARS}{host}")
        }
        Some((user, _)) => format!("{scheme}://{user}{host}"),
        None => url.to_owned(),
    }
}

/// Every value that follows `password=`, up to what `ends` it or in quotes.
fn without_parameters(text: &str, ends: fn(char) -> bool) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(PARAMETER) {
        let (before, after) = rest.split_at(at + PARAMETER.len());
        shown.push_str(before);
        rest = after;
        let Some(value) = after.trim_start().strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        shown.push_str(&after[..after.len() - value.len()]);
        let end = end_of_value(value, ends);
        if end > 0 {
            shown.push_str(STARS);
        }
        rest = &value[end..];
    }
    shown.push_str(rest);
    shown
}

/// Where a value ends. A backslash takes the meaning from what follows it, also from a quote.
fn end_of_value(value: &str, ends: fn(char) -> bool) -> usize {
    let quoted = value.starts_with('\'');
    let mut escaped = false;
    for (at, it) in value.char_indices().skip(usize::from(quoted)) {
        match it {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return at + 1,
            it if !quoted && ends(it) => return at,
            _ => {}
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_urls_are() {
        for (text, shown) in [
            (
                "postgres://a:geheim@h:5432/d?x=y",
                "postgres://a:***@h:5432/d?x=y",
            ),
            ("postgres://a@h/d", "postgres://a@h/d"),
            (
                "amqp://a:b@h/v, amqps://c:d:e@i",
                "amqp://a:***@h/v, amqps://c:***@i",
            ),
            ("amqp://a:p@ss@h/v", "amqp://a:***@h/v"),
            ("127.0.0.1:7600", "127.0.0.1:7600"),
            // What the database's client takes as well.
            (
                "postgres://h/d?user=a&password=geheim",
                "postgres://h/d?user=a&password=***",
            ),
            (
                "postgres://h/d?password=ge heim,x&user=a",
                "postgres://h/d?password=***&user=a",
            ),
            (
                "host=h user=a password=geheim",
                "host=h user=a password=***",
            ),
            (
                r"host=h password = 'ge\' heim' user=a",
                "host=h password = *** user=a",
            ),
            (
                r"password=ge\ heim user=a sslmode=require",
                "password=*** user=a sslmode=require",
            ),
            ("password='geheim", "password=***"),
            ("host=h password=a://b@c", "host=h password=***"),
            ("postgres://a:pa/ss@h/d", "postgres://a:***@h/d"),
            ("postgres://a:p?s,s@h/d", "postgres://a:***@h/d"),
            ("amqp://h/v,amqp://a:p,s@i/v", "amqp://h/v,amqp://a:***@i/v"),
            ("password", "password"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    /// Each is a text that the database's client reads, with the password that it then sends.
    #[test]
    fn what_the_databases_client_takes_for_a_password_is_not_shown() {
        for text in [
            "postgres://h/d?user=a&password=geheim",
            "host=h user=a password=geheim",
            "host=h user=a password = 'geheim'",
            "postgres://a:geheim/@h/d",
            "postgres://a:geheim?,#@h/d",
            "postgres://geheim:geheim@h/d?password=geheim",
        ] {
            let read: tokio_postgres::Config = text.parse().expect("a URL of a database");
            let sent = read.get_password().expect("a password");
            assert!(sent.starts_with(b"geheim"), "{text}");
            assert!(!masked(&text.replacen("//geheim", "//a", 1)).contains("geheim"));
        }
    }
}
