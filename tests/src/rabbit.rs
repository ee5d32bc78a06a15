//! Things done to RabbitMQ by its administrator.

use std::process::Command;

/// Runs `rabbitmqctl` and returns what it says.
pub async fn control(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || run(&arguments));
    running.await.expect("a thread")
}

fn run(arguments: &[impl AsRef<str>]) -> String {
    let words = crate::config::rabbitmqctl();
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(arguments.iter().map(AsRef::as_ref))
        .output()
        .expect("run rabbitmqctl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

/// Deletes the queues whose names begin with this; all of them, or nobody else would have room:
/// RabbitMQ sets three file handles aside for each quorum queue, and a deployment has two hundred.
pub fn delete_queues(prefix: &str) {
    let expression = format!(
        "Prefix = <<\"{prefix}.\">>,
         [rabbit_amqqueue:delete(Queue, false, false, <<\"tests\">>)
          || Queue <- rabbit_amqqueue:list(),
             {{resource, _, queue, Name}} <- [amqqueue:get_name(Queue)],
             binary:longest_common_prefix([Prefix, Name]) =:= byte_size(Prefix)],
         ok."
    );
    run(&["eval", &expression]);
}

/// The memory alarm: the broker reads nothing from whoever publishes. It is lifted when this is
/// dropped, however the test ends.
#[derive(Debug)]
pub struct Alarm(());

impl Alarm {
    /// Raises it.
    pub async fn raise() -> Self {
        let raised = Self(());
        control(&["set_vm_memory_high_watermark", "0.00000001"]).await;
        raised
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        run(&["set_vm_memory_high_watermark", "0.4"]);
    }
}
