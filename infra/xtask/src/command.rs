//! Child processes: run to the end, with a clear error, and never left behind.

use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};

/// Children to end when a signal ends us. The local cloud is not among them: it follows our end of its pipe.
static RUNNING: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Ctrl-C and SIGTERM end the running child and then us.
pub fn end_with_signals() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        for pid in RUNNING.lock().map(|pids| pids.clone()).unwrap_or_default() {
            if let Some(pid) = Pid::from_raw(pid) {
                let _gone = rustix::process::kill_process(pid, Signal::TERM);
            }
        }
        eprintln!("\nxtask: interrupted");
        std::process::exit(130);
    })
    .context("watch for signals")
}

/// Runs a command to its end; anything but success is an error that names it.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = name(command);
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    remember(|pids| pids.push(pid));
    let status = child.wait();
    remember(|pids| pids.retain(|other| *other != pid));
    let status = status.with_context(|| format!("wait for {name}"))?;
    if !status.success() {
        bail!("`{name}` ended with {status}");
    }
    Ok(())
}

/// Runs a command whose report goes to standard error, with that report on standard output.
pub fn run_to_stdout(command: &mut Command) -> anyhow::Result<()> {
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().context("share standard output")?;
    run(command.stderr(Stdio::from(stdout)))
}

/// Runs a command quietly: its output is shown only when it fails.
pub fn run_quietly(command: &mut Command) -> anyhow::Result<()> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {name}"))?;
    if !output.status.success() {
        let all = [output.stdout, output.stderr].concat();
        bail!("`{name}` ended with {}\n{}", output.status, String::from_utf8_lossy(&all).trim_end());
    }
    Ok(())
}

/// Whether a command can be started and answers with success.
pub fn works(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Cargo as the caller chose it, in the repository's root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::place::root());
    // Set for us by the `cargo run` that started this program; they would reach build scripts and tests.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

fn remember(change: impl FnOnce(&mut Vec<i32>)) {
    if let Ok(mut pids) = RUNNING.lock() {
        change(&mut pids);
    }
}

fn name(command: &Command) -> String {
    let program =
        std::path::Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    format!("{program} {words}")
}
