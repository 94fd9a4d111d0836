//! The `cargo test` face: the same engine as the command line, as libtest-mimic trials named
//! `profile::instance`, under `cargo test` and `cargo nextest run` alike.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `CONFORMANCE_TARGET` | an address or a target file; without it, what the suite was built for |
//! | `CONFORMANCE_PROFILE` | the profile that the target promises |
//! | `CONFORMANCE_UPSTREAM` | the address of a running mock |
//! | `CONFORMANCE_EXPECTATIONS` | a file of known failures |
//! | `CONFORMANCE_CASE` | a pattern of cases |
//! | `CONFORMANCE_REPORT` | `FORMAT=FILE`, written at the end |
//!
//! Of several profiles, each has a report of its own, with its name before the ending of the file. Under nextest every
//! case runs in a process of its own and writes a report of its own, with the case's name before the ending:
//! `image-harness merge` joins them.

mod meta;
mod stage;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use crate::case::{Instance, Pattern};
use crate::run::applies::applies;
use crate::run::plan::{Selection, select};
use crate::run::setup::{
    self, KnownFailures, Options, Outline, Starter, TargetChoice, UpstreamChoice,
};
use crate::verdict::Exit;
use stage::Stage;

/// Every profile that the reference gateway implements.
const BUILTIN_PROFILES: &[&str] = &["platform", "router"];

/// A set of trials for one target.
///
/// ```no_run
/// # async fn start_my_gateway(upstream: String) -> Result<String, Box<dyn std::error::Error + Send + Sync>> { Ok(upstream) }
/// fn main() -> std::process::ExitCode {
///     harness::Suite::builtin()
///         .gateway(|upstream| async move { start_my_gateway(upstream).await }) // gets the mock's URL, returns its own
///         .main()
/// }
/// ```
#[must_use]
pub struct Suite {
    options: Options,
    profiles: Vec<String>,
}

impl Suite {
    /// The built-in cases against the reference gateway, until [`gateway`](Self::gateway) names another.
    pub fn builtin() -> Self {
        Self {
            options: Options::default(),
            profiles: BUILTIN_PROFILES
                .iter()
                .map(|profile| (*profile).to_owned())
                .collect(),
        }
    }

    /// Tests a gateway that is started for the run: the function gets the address of its upstream and gives the
    /// gateway's own. The profile is then `openai-images`, until [`profile`](Self::profile) names another.
    pub fn gateway<F, R, E>(mut self, start: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let starter: Starter = Arc::new(move |upstream| {
            let starting = start(upstream);
            Box::pin(async move { starting.await.map_err(Into::into) })
        });
        self.options.target = TargetChoice::Started(starter);
        self.profiles = vec!["openai-images".to_owned()];
        self
    }

    /// The profile that the gateway promises.
    pub fn profile(mut self, id: &str) -> Self {
        self.profiles = vec![id.to_owned()];
        self
    }

    /// Cases of one's own beside the built-in ones: a folder that is laid out like `fixtures/`.
    pub fn cases(mut self, folder: impl Into<std::path::PathBuf>) -> Self {
        self.options.cases.push(folder.into());
        self
    }

    /// Runs what the command line and the environment select.
    pub fn main(self) -> ExitCode {
        let arguments = Arguments::from_args();
        match self.run(&arguments) {
            Ok(code) => code,
            Err(Stopped(exit, message)) => {
                complain(&message);
                exit.into()
            }
        }
    }

    fn run(mut self, arguments: &Arguments) -> Result<ExitCode, Stopped> {
        let wanted = self.environment()?;
        let runtime = Runtime::new().map_err(|error| Stopped(Exit::Error, error.to_string()))?;
        let trials = self.trials(&wanted)?;
        let metas = meta::trials(&trials.outlines);
        let trials = trials.planned;
        if !arguments.list {
            let names = metas.iter().map(libtest_mimic::Trial::name);
            check_selection(arguments, &trials, names, &wanted)?;
            self.check_nextest()?;
        }
        let selected =
            |trial: &&Planned| !arguments.list && !is_filtered_out(arguments, &trial.name);
        let needed: Vec<_> = trials
            .iter()
            .filter(selected)
            .map(|trial| trial.profile.clone())
            .collect();
        let stage = Arc::new(self.stage(runtime, &needed)?);
        let trials = trials.into_iter().map(|planned| planned.trial(&stage));
        let trials = trials.chain(metas).collect();
        let conclusion = libtest_mimic::run(arguments, trials);
        if !arguments.list {
            stage.report()?;
        }
        if let Some(words) = stage.gone() {
            return Err(Stopped(Exit::Error, words));
        }
        Ok(conclusion.exit_code())
    }

    /// Reads the environment, here and nowhere else; gives the pattern of `CONFORMANCE_CASE`.
    fn environment(&mut self) -> Result<Option<Pattern>, Stopped> {
        let usage = |error: String| Stopped(Exit::Usage, error);
        if let Some(target) = variable("CONFORMANCE_TARGET") {
            self.options.target = TargetChoice::parse(&target);
            self.profiles = vec!["openai-images".to_owned()];
            if matches!(self.options.target, TargetChoice::File(_)) {
                self.profiles = vec![String::new()];
            }
        }
        if let Some(profile) = variable("CONFORMANCE_PROFILE") {
            self.profiles = vec![profile];
        }
        if let Some(upstream) = variable("CONFORMANCE_UPSTREAM") {
            self.options.upstream = UpstreamChoice::Url(upstream);
        }
        if let Some(path) = variable("CONFORMANCE_EXPECTATIONS") {
            self.options.expectations = KnownFailures::File(path.into());
        }
        let case = variable("CONFORMANCE_CASE")
            .map(|text| Pattern::parse(&text))
            .transpose();
        case.map_err(|error| usage(format!("CONFORMANCE_CASE: {error}")))
    }

    fn options_for(&self, profile: &str) -> Options {
        Options {
            profile: (!profile.is_empty()).then(|| profile.to_owned()),
            ..self.options.clone()
        }
    }

    fn trials(&self, wanted: &Option<Pattern>) -> Result<Trials, Stopped> {
        let selection = Selection {
            cases: wanted.iter().cloned().collect(),
            ..Selection::default()
        };
        let mut trials = Trials::default();
        for profile in &self.profiles {
            let outline =
                setup::outline(&self.options_for(profile), &variable).map_err(Stopped::of)?;
            let shown = outline.target.profile.id.clone();
            for instance in select(&outline.catalog, &outline.target, &selection) {
                trials.planned.push(Planned {
                    name: format!("{shown}::{}", instance.id),
                    profile: profile.clone(),
                    applies: applies(&instance, &outline.target, outline.means).is_ok(),
                    instance,
                });
            }
            trials.outlines.push(outline);
        }
        Ok(trials)
    }

    /// Under nextest every case is a process of its own: they must share a mock that none of them owns.
    fn check_nextest(&self) -> Result<(), Stopped> {
        let external = matches!(
            self.options.target,
            TargetChoice::Url(_) | TargetChoice::File(_)
        );
        let own_mock = matches!(self.options.upstream, UpstreamChoice::Listen(_));
        if variable("NEXTEST").is_none() || !external || !own_mock {
            return Ok(());
        }
        let message = format!(
            "nextest runs each case in a process of its own, so the mock upstream must run beside them: start it with\n    \
             cargo run -p mock-server -- --listen {}\nand set CONFORMANCE_UPSTREAM=http://{}",
            setup::DEFAULT_UPSTREAM,
            setup::DEFAULT_UPSTREAM
        );
        Err(Stopped(Exit::Error, message))
    }

    fn stage(&self, runtime: Runtime, needed: &[String]) -> Result<Stage, Stopped> {
        let mut sessions = BTreeMap::new();
        for profile in &self.profiles {
            if needed.contains(profile) {
                let started = runtime.block_on(setup::start(&self.options_for(profile), &variable));
                sessions.insert(profile.clone(), started.map_err(Stopped::of)?);
            }
        }
        Ok(Stage::new(runtime, sessions))
    }
}

/// What is to be run, and what it is about.
#[derive(Default)]
struct Trials {
    planned: Vec<Planned>,
    /// One for each profile.
    outlines: Vec<Outline>,
}

/// A trial before it has a session to run in.
struct Planned {
    name: String,
    profile: String,
    instance: Instance,
    applies: bool,
}

impl Planned {
    fn trial(self, stage: &Arc<Stage>) -> Trial {
        let stage = Arc::clone(stage);
        // Decided now and not when it runs: nextest reports a trial that ignores itself as passed.
        let ignored = !self.applies;
        Trial::ignorable_test(self.name, move || stage.run(&self.profile, &self.instance))
            .with_ignored_flag(ignored)
    }
}

/// A selection that names something and finds nothing is a mistake; cargo's filter for another test binary is
/// not.
fn check_selection<'t>(
    arguments: &Arguments,
    trials: &'t [Planned],
    metas: impl Iterator<Item = &'t str>,
    wanted: &Option<Pattern>,
) -> Result<(), Stopped> {
    let cases = trials.iter().map(|trial| trial.name.as_str());
    // Without any case there is nothing that a meta trial could be about.
    let mut names = cases.chain(metas.filter(|_| !trials.is_empty()));
    if names.any(|name| !is_filtered_out(arguments, name)) {
        return Ok(());
    }
    let filter = arguments.filter.clone().unwrap_or_default();
    let named = filter.contains('/') || filter.contains("::");
    if wanted.is_some() && trials.is_empty() {
        return Err(Stopped(
            Exit::Nothing,
            "CONFORMANCE_CASE selects no case".to_owned(),
        ));
    }
    if arguments.exact || named || (wanted.is_some() && filter.is_empty()) {
        return Err(Stopped(
            Exit::Nothing,
            format!("'{filter}' selects no case"),
        ));
    }
    complain(&format!("note: '{filter}' selects no conformance case"));
    Ok(())
}

fn is_filtered_out(arguments: &Arguments, name: &str) -> bool {
    let matches = |filter: &String| {
        if arguments.exact {
            name == filter
        } else {
            name.contains(filter.as_str())
        }
    };
    arguments
        .filter
        .as_ref()
        .is_some_and(|filter| !matches(filter))
        || arguments.skip.iter().any(matches)
}

/// Why nothing was run.
struct Stopped(Exit, String);

impl Stopped {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "used as a function for map_err"
    )]
    fn of(error: setup::SetupError) -> Self {
        Self(error.exit(), error.to_string())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn complain(message: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{message}");
}
