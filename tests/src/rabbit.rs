//! Things done to RabbitMQ by its administrator.

use std::process::Command;

/// Runs `rabbitmqctl` and returns what it says.
pub async fn control(arguments: &[&str]) -> String {
    let words = crate::config::rabbitmqctl();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("a thread")
        .expect("run rabbitmqctl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
