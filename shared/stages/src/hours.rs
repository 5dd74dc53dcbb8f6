//! The hours in which a tenant's runs may work. A worker that meets its run outside them leaves it as it stands, and one
//! that reaches their edge stops there as at its deadline; its message is not sent on, since survey sends what is missing
//! when the window opens again.

use lethe_domain::limits::Limits;
use lethe_domain::message::Wake;
use lethe_domain::run::Run;
use lethe_domain::time::EpochSeconds;
use lethe_domain::window::{Opening, Window};

use crate::error::StageError;
use crate::invocation::Invocation;
use crate::pinned::Pinned;
use crate::ports::{Control, Queue};

/// The hours of one tenant, for one invocation.
pub(crate) struct Hours<'a> {
    window: Option<Window>,
    opening: Opening,
    has_come: &'a dyn Fn(EpochSeconds) -> bool,
}

impl<'a> Hours<'a> {
    /// As they are in an invocation.
    pub(crate) fn new(window: Option<Window>, invocation: Invocation<'a>) -> Self {
        let opening = window.as_ref().map_or(Opening::ALWAYS, |window| window.at(invocation.now));
        Self { window, opening, has_come: invocation.has_come }
    }

    /// Those in which a run's workers may work.
    pub(crate) async fn of<C: Control>(
        control: &C,
        run: &Run,
        limits: &Limits,
        invocation: Invocation<'a>,
    ) -> Result<Self, StageError> {
        Ok(Self::new(window_of(control, run, limits).await?, invocation))
    }

    /// The window behind them.
    pub(crate) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// Whether runs may work at this moment.
    pub(crate) fn opening(&self) -> Opening {
        match self.opening {
            // Nobody asks an invocation for how long: the next one finds out.
            Opening::Open { until, .. } if self.are_over() => Opening::Closed { until },
            Opening::Open { .. } | Opening::Closed { .. } => self.opening,
        }
    }

    /// Whether work has to stop.
    pub(crate) fn are_over(&self) -> bool {
        match self.opening {
            Opening::Open { until, .. } => (self.has_come)(until),
            Opening::Closed { .. } => true,
        }
    }

    /// Leaves a piece of work to survey. Where the window is about to open, survey may have sent this very message by a
    /// clock that is a little ahead of ours: it is kept until then.
    pub(crate) async fn leave<Q: Queue>(
        &self,
        queue: &Q,
        wake: &Wake,
        limits: &Limits,
        now: EpochSeconds,
    ) -> Result<(), StageError> {
        let Opening::Closed { until } = self.opening else { return Ok(()) };
        let wait = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0);
        let wait = std::time::Duration::from_secs(wait);
        if wait <= limits.max_clock_skew {
            queue.send_later(wake, wait).await?;
        }
        Ok(())
    }
}

/// The window in force for a run's tenant. It is that of the latest config and not the one that the run pins: it decides
/// nothing about a token, and whoever changes it means tonight.
async fn window_of<C: Control>(
    control: &C,
    run: &Run,
    limits: &Limits,
) -> Result<Option<Window>, StageError> {
    if let Some(current) = Pinned::current(control, limits).await?
        && let Some(tenant) = current.config.tenant(&run.tenant)
    {
        return Ok(tenant.window.clone());
    }
    let pinned = Pinned::at(control, run.config, limits).await?;
    Ok(pinned.tenant(&run.tenant)?.window.clone())
}
