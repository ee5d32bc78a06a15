//! A deployment that is warm, with load to put on it: where every scenario begins.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::audit::{self, Run};
use crate::deployment::{Deployment, Site};
use crate::load::Load;
use crate::processes::Usage;
use crate::requests::Requests;
use crate::workload::Workload;

/// Sagas before anything is measured: connections, plans and definitions are warm then.
pub(crate) const WARM_UP_SAGAS: u64 = 1_000;

/// What is measured.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) deployment: Deployment,
    pub(crate) load: Load,
}

/// What full load showed.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) run: Run,
    /// Seconds of CPU of all processes.
    pub(crate) cpu: f64,
}

impl Full {
    pub(crate) fn steps_per_second(&self) -> f64 {
        self.run.steps / self.run.seconds
    }

    pub(crate) fn sagas_per_second(&self) -> f64 {
        self.run.sagas / self.run.seconds
    }
}

impl Stage {
    /// Starts everything, and warms it up.
    pub(crate) async fn set(
        arguments: &Arguments,
        orchestrators: u32,
        workers: u32,
    ) -> Result<Self> {
        eprintln!("starting {orchestrators} orchestrators and {workers} workers, warming up");
        let mut deployment = Deployment::start(Site::of(arguments), orchestrators).await?;
        deployment.set_workers(workers).await?;
        Self::warm(deployment, arguments).await
    }

    /// Warms up what has started.
    pub(crate) async fn warm(deployment: Deployment, arguments: &Arguments) -> Result<Self> {
        audit::check_durability(&deployment.database).await?;
        let load = Load::new(deployment.authorities());
        let open = usize::try_from(arguments.open)?;
        load.full(
            (Workload::FourSteps, Requests::Batched),
            WARM_UP_SAGAS,
            open,
        )
        .await?;
        Ok(Self { deployment, load })
    }

    /// The same with another number of processes.
    pub(crate) async fn resize(&mut self, orchestrators: u32, workers: u32) -> Result<()> {
        self.deployment.set_orchestrators(orchestrators).await?;
        self.deployment.set_workers(workers).await?;
        self.load = self.load.toward(self.deployment.authorities());
        let open = usize::try_from(WARM_UP_SAGAS)?;
        self.load
            .full(
                (Workload::FourSteps, Requests::Batched),
                WARM_UP_SAGAS,
                open,
            )
            .await?;
        Ok(())
    }

    /// As many sagas as go at once, audited.
    pub(crate) async fn full(
        &mut self,
        (workload, requests): (Workload, Requests),
        sagas: u64,
        open: u32,
    ) -> Result<Full> {
        let database = &self.deployment.database;
        let newest = audit::newest(database).await?;
        let before = self.cpu()?;
        self.load
            .full((workload, requests), sagas, usize::try_from(open)?)
            .await?;
        let cpu = self.cpu()? - before;
        let run = audit::run_after(database, &newest, workload).await?;
        self.deployment.check()?;
        Ok(Full { run, cpu })
    }

    /// Seconds of CPU that all processes have used so far.
    fn cpu(&self) -> Result<f64> {
        let parts: BTreeMap<_, Usage> = self.deployment.processes().usage()?;
        Ok(parts.values().map(|part| part.cpu).sum())
    }
}
