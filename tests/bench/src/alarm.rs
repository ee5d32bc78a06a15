//! The broker's memory alarm: while it is on, RabbitMQ reads nothing from whoever publishes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Shares of the machine's memory: one that is always exceeded, and RabbitMQ's own.
const RAISED: &str = "0.00000001";
const LIFTED: &str = "0.4";

/// It is lifted when this is dropped, whatever happens.
#[derive(Debug)]
pub(crate) struct Alarm {
    rabbitmqctl: PathBuf,
}

impl Alarm {
    pub(crate) fn raise(rabbitmqctl: &Path) -> Result<Self> {
        let raised = Self {
            rabbitmqctl: rabbitmqctl.to_owned(),
        };
        raised.watermark(RAISED)?;
        Ok(raised)
    }

    fn watermark(&self, share: &str) -> Result<()> {
        let output = Command::new(&self.rabbitmqctl)
            .args(["set_vm_memory_high_watermark", share])
            .output()
            .with_context(|| format!("run {}", self.rabbitmqctl.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("rabbitmqctl cannot set the watermark: {said}");
        }
        Ok(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Err(error) = self.watermark(LIFTED) {
            eprintln!("the memory alarm stays on: {error:#}");
        }
    }
}
