//! The local cloud: `MiniStack` on a free port, started, watched and stopped by us, with the real template deployed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::stage::Stages;
use crate::{check, command, place, venv};

const HEALTH: &str = "/_ministack/health";
const START_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_secs(5);
const STARTS: usize = 3;
/// Settings of the developer's own shell must not reach the emulator or the functions that it runs.
const KEPT_VARIABLES: [&str; 5] = ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "SSL_CERT_FILE"];

/// A running local cloud; ends when this is dropped, unless it was left running.
pub struct Cloud {
    /// Where it answers, e.g. `http://127.0.0.1:40123`.
    pub endpoint: String,
    child: Option<Child>,
    home: PathBuf,
    temporary: PathBuf,
}

impl Cloud {
    /// Starts a cloud that ends with us, even if we are killed: it follows our end of its standard input.
    pub fn start(name: &str) -> anyhow::Result<Self> {
        Self::launch(name, &["--follow-stdin"])
    }

    /// The same, with a front before it that can refuse, double and delay what the functions send.
    pub fn start_behind_front(name: &str) -> anyhow::Result<Self> {
        Self::launch(name, &["--follow-stdin", "--faults"])
    }

    /// Starts a cloud that may be left running.
    pub fn start_to_leave(name: &str) -> anyhow::Result<Self> {
        if let Ok(endpoint) = running() {
            bail!("a local cloud is already running at {endpoint}; `cargo xtask cloud down` stops it");
        }
        // Written down at once: if we are interrupted, `down` still finds it.
        let cloud = Self::launch(name, &[])?;
        cloud.write_down()?;
        Ok(cloud)
    }

    fn launch(name: &str, words: &[&str]) -> anyhow::Result<Self> {
        let home = place::cloud(name);
        std::fs::create_dir_all(&home).with_context(|| format!("make {}", home.display()))?;
        let mut last = None;
        for _ in 0..STARTS {
            // Another program may take the free port before the emulator binds it: then take the next.
            match Self::launch_on(&home, free_port()?, words) {
                Ok(cloud) => return Ok(cloud),
                Err(fault) => last = Some(fault),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("the local cloud did not start")))
    }

    fn launch_on(home: &Path, port: u16, words: &[&str]) -> anyhow::Result<Self> {
        let endpoint = format!("http://127.0.0.1:{port}");
        let log = home.join("ministack.log");
        let temporary = home.join(format!("tmp-{port}"));
        std::fs::create_dir_all(&temporary).with_context(|| format!("make {}", temporary.display()))?;
        let output = File::create(&log).with_context(|| format!("write {}", log.display()))?;
        let mut program = venv::CLOUD.script("serve.py");
        program
            .args(words)
            .env_clear()
            .envs(KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs([("GATEWAY_PORT", port.to_string()), ("AWS_ENDPOINT_URL", endpoint.clone())])
            .envs([("BIND_HOST", "127.0.0.1"), ("IOT_MTLS_ENABLED", "0"), ("SFTP_ENABLED", "0")])
            .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("AWS_EC2_METADATA_DISABLED", "true")])
            .env("TMPDIR", &temporary)
            .stdin(if words.contains(&"--follow-stdin") { Stdio::piped() } else { Stdio::null() })
            .stdout(output.try_clone().context("share the log")?)
            .stderr(output)
            .process_group(0);
        let child = program.spawn().context("start the local cloud")?;
        let mut cloud = Self { endpoint, child: Some(child), home: home.to_path_buf(), temporary };
        cloud.wait_until_healthy(port, &log)?;
        Ok(cloud)
    }

    fn wait_until_healthy(&mut self, port: u16, log: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while !healthy(port) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                bail!("the local cloud ended with {status}; see {}", log.display());
            }
            if Instant::now() > deadline {
                bail!("the local cloud gave no sign of life in {START_DEADLINE:?}; see {}", log.display());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Where the description of the stack that is deployed to this cloud is kept.
    pub fn stack_file(&self) -> PathBuf {
        self.home.join("stack.json")
    }

    fn write_down(&self) -> anyhow::Result<()> {
        let note = serde_json::json!({
            "pid": self.child.as_ref().map(Child::id),
            "endpoint": self.endpoint,
            "temporary": self.temporary,
            "stack": self.stack_file(),
        });
        std::fs::write(running_file(), note.to_string()).context("write target/cloud/running.json")
    }

    /// Leaves the cloud running after us; `down` and `dev` find it by what was written down.
    pub fn leave(mut self) {
        self.child = None;
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if child.stdin.take().is_none() {
            let _gone = std::fs::remove_file(running_file());
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        while child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        // The functions are in the emulator's process group; some may outlive it.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _gone = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ended = child.wait();
        let _gone = std::fs::remove_dir_all(&self.temporary);
    }
}

/// What deploy.py wrote about the deployed stack.
pub struct Stack {
    file: PathBuf,
    description: Value,
}

impl Stack {
    /// Deploys template.yaml to a cloud.
    pub fn deploy(cloud: &Cloud) -> anyhow::Result<Self> {
        let file = cloud.stack_file();
        let mut script = venv::CLOUD.script("deploy.py");
        command::run(script.args(["--endpoint", &cloud.endpoint, "--output"]).arg(&file))?;
        Self::read(file)
    }

    /// The stack on the cloud that was left running.
    pub fn running() -> anyhow::Result<Self> {
        let _endpoint = running()?;
        let note = running_note()?;
        let file =
            note.get("stack").and_then(Value::as_str).context("target/cloud/running.json names no stack")?;
        Self::read(file.into())
    }

    /// Reads a stack's description.
    fn read(file: PathBuf) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let description = serde_json::from_str(&text).with_context(|| format!("parse {}", file.display()))?;
        Ok(Self { file, description })
    }

    /// Environment for what speaks to the stack: credentials, endpoint and the functions' own settings.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for part in ["environment", "settings"] {
            let entries = self.description.get(part).and_then(Value::as_object);
            for (name, value) in entries.into_iter().flatten() {
                all.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
            }
        }
        all
    }

    /// Environment for `cargo test`. Without the functions' settings: a test must not see what it did not set.
    pub fn test_environment(&self) -> BTreeMap<String, String> {
        let mut all = self.environment();
        all.retain(|name, _| name.starts_with("AWS_"));
        for (name, value) in [("ENDPOINT", "endpoint"), ("STACK", "stack"), ("TIME_SCALE", "time_scale")] {
            all.insert(format!("LETHE_TEST_{name}"), self.value(value));
        }
        all.insert("LETHE_TEST_STACK_FILE".to_owned(), self.file.display().to_string());
        all
    }

    /// A plain value of the description, as text.
    pub fn value(&self, name: &str) -> String {
        match self.description.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }
}

/// `cargo xtask cloud up`.
pub fn up() -> anyhow::Result<()> {
    let mut stages = Stages::new();
    let python = venv::CLOUD.ensure_meanwhile()?;
    stages.run("build", check::build)?;
    stages.run("python environment", || python.wait())?;
    let cloud = stages.run("local cloud", || Cloud::start_to_leave("up"))?;
    let stack = stages.run("deploy", || Stack::deploy(&cloud))?;
    cloud.leave();
    println!("\nThe cloud stays up until `cargo xtask cloud down`. For `lethe` in a shell:\n");
    print_exports(stack.environment());
    println!("\nFor `cargo test`, in another shell:\n");
    print_exports(stack.test_environment());
    Ok(())
}

/// Prints an environment as a shell takes it.
pub fn print_exports(environment: BTreeMap<String, String>) {
    for (name, value) in environment {
        println!("export {name}='{value}'");
    }
}

/// `cargo xtask cloud down`.
pub fn down() -> anyhow::Result<()> {
    let endpoint = running()?;
    let note = running_note()?;
    let pid = note.get("pid").and_then(Value::as_i64).and_then(|pid| i32::try_from(pid).ok());
    let group = pid.and_then(Pid::from_raw).context("target/cloud/running.json names no process")?;
    rustix::process::kill_process_group(group, Signal::KILL).context("stop the local cloud")?;
    if let Some(temporary) = note.get("temporary").and_then(Value::as_str) {
        let _gone = std::fs::remove_dir_all(temporary);
    }
    std::fs::remove_file(running_file()).context("remove target/cloud/running.json")?;
    println!("stopped the local cloud at {endpoint}");
    Ok(())
}

/// The endpoint of the cloud that `up` left running. Its process must still be ours: process ids are used again.
pub fn running() -> anyhow::Result<String> {
    let none = "no local cloud is running; `cargo xtask cloud up` starts one";
    let written = running_note().context(none)?;
    let pid = written.get("pid").and_then(Value::as_u64).unwrap_or_default();
    let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if !words.contains(&*place::local().join("serve.py").to_string_lossy()) {
        bail!(none);
    }
    Ok(written.get("endpoint").and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn running_note() -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(running_file())?)?)
}

fn running_file() -> PathBuf {
    place::cloud("running.json")
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

fn healthy(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET {HEALTH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 16];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
    };
    ask().is_ok_and(|answer| answer.contains(" 200"))
}

/// Checks that a cloud which somebody else runs can be reached at all.
pub fn reachable(endpoint: &str) -> anyhow::Result<()> {
    let host = endpoint
        .trim_end_matches('/')
        .strip_prefix("http://")
        .with_context(|| format!("{endpoint}: expected an endpoint of the form http://host:port"))?;
    let mut addresses = std::net::ToSocketAddrs::to_socket_addrs(host)
        .with_context(|| format!("{endpoint}: cannot resolve"))?;
    let reached =
        addresses.any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(3)).is_ok());
    if !reached {
        bail!("{endpoint}: nothing answers there");
    }
    Ok(())
}
