//! Python environments under `target/`, each made from one requirements file and made again only when it changes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow, bail};

use crate::{command, place};

/// One environment: `target/venv-{name}` from `infra/local/{requirements}`.
#[derive(Clone, Copy)]
pub struct Venv {
    name: &'static str,
    requirements: &'static str,
}

/// An environment that is being made.
pub struct Installation(JoinHandle<anyhow::Result<()>>);

impl Installation {
    /// Waits until it is made.
    pub fn wait(self) -> anyhow::Result<()> {
        self.0.join().map_err(|_| anyhow!("the installation of a Python environment panicked"))?
    }
}

/// The local cloud and what speaks to it.
pub const CLOUD: Venv = Venv { name: "cloud", requirements: "requirements.txt" };
/// cfn-lint and sam.
pub const LINT: Venv = Venv { name: "lint", requirements: "requirements-lint.txt" };
/// schemathesis, in an environment of its own: it brings much along that nothing else needs.
pub const SCHEMA: Venv = Venv { name: "schema", requirements: "requirements-schema.txt" };
/// cargo-lambda.
pub const DEV: Venv = Venv { name: "dev", requirements: "requirements-dev.txt" };
/// checkov.
pub const RELEASE: Venv = Venv { name: "release", requirements: "requirements-release.txt" };

impl Venv {
    /// Makes the environment unless it is there and its requirements are unchanged.
    pub fn ensure(self) -> anyhow::Result<()> {
        let requirements = place::local().join(self.requirements);
        let wanted = std::fs::read_to_string(&requirements)
            .with_context(|| format!("read {}", requirements.display()))?;
        // Written last, so that an interrupted installation is made again.
        let stamp = self.directory().join("requirements.installed");
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        let _absent = std::fs::remove_dir_all(self.directory());
        command::run_quietly(Command::new("python3").args(["-m", "venv"]).arg(self.directory()))
            .context("make a Python environment (Debian and Ubuntu keep it in the package python3-venv)")?;
        command::run_quietly(
            Command::new(self.program("python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(&requirements),
        )
        .with_context(|| format!("install {}", self.requirements))?;
        std::fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))
    }

    /// Makes the environment on another thread, while the compiler works here.
    pub fn ensure_meanwhile(self) -> anyhow::Result<Installation> {
        require_python()?;
        Ok(Installation(std::thread::spawn(move || self.ensure())))
    }

    /// A program of this environment.
    pub fn program(self, name: &str) -> PathBuf {
        self.directory().join("bin").join(name)
    }

    /// A script of `infra/local`, run by this environment's Python with its output as it comes.
    pub fn script(self, name: &str) -> Command {
        let mut command = Command::new(self.program("python"));
        command.arg("-u").arg(place::local().join(name)).current_dir(place::root());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// The environment's directory.
    pub fn directory(self) -> PathBuf {
        place::target().join(format!("venv-{}", self.name))
    }

    /// `PATH` with this environment's programs first.
    pub fn path(self) -> anyhow::Result<std::ffi::OsString> {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(self.directory().join("bin")).chain(std::env::split_paths(&old));
        std::env::join_paths(all).context("join PATH")
    }
}

fn require_python() -> anyhow::Result<()> {
    let check = "import sys; sys.exit(sys.version_info < (3, 10))";
    if !command::works(Command::new(Path::new("python3")).args(["-c", check])) {
        bail!("Python 3.10 or newer is needed as `python3`");
    }
    Ok(())
}
