//! Progress: one line when a stage begins, its duration when it ends, and all durations at the close.

use std::time::{Duration, Instant};

/// The stages of one command.
pub struct Stages {
    done: Vec<(String, Duration)>,
    began: Instant,
}

impl Stages {
    /// No stage yet.
    pub fn new() -> Self {
        Self { done: Vec::new(), began: Instant::now() }
    }

    /// Runs one stage and keeps its duration; its error carries its name.
    pub fn run<T>(&mut self, name: &str, stage: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        println!("==> {name}");
        let began = Instant::now();
        let result = stage().map_err(|fault| fault.context(name.to_owned()))?;
        let took = began.elapsed();
        println!("    {name}: {}", seconds(took));
        self.done.push((name.to_owned(), took));
        Ok(result)
    }

    /// Prints every stage's duration and the sum.
    pub fn close(&self) {
        println!("\nStages");
        for (name, took) in &self.done {
            println!("  {:<34} {:>9}", name, seconds(*took));
        }
        println!("  {:<34} {:>9}", "all", seconds(self.began.elapsed()));
    }
}

fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(100) {
        return format!("{:.1} s", took.as_secs_f64());
    }
    format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_stages_read_in_minutes() {
        assert_eq!(seconds(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn a_fault_carries_the_name_of_its_stage() {
        let fault = Stages::new().run("build", || -> anyhow::Result<()> { anyhow::bail!("no compiler") });
        assert_eq!(fault.map_err(|fault| format!("{fault:#}")), Err("build: no compiler".to_owned()));
    }
}
