//! The layout of the workspace is a promise: who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// What would bring a clock, a network, an environment or randomness into the pure crates.
const IMPURE: [&str; 9] = [
    "tokio",
    "aws-config",
    "aws-smithy-runtime",
    "hyper",
    "lambda_runtime",
    "rand",
    "getrandom",
    "chrono",
    "fastrand",
];

fn metadata() -> Metadata {
    // What is only for other systems is neither built nor looked at.
    let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"].map(str::to_owned);
    MetadataCommand::new().other_options(platform).exec().unwrap()
}

/// Everything that a package is built from, without what only its tests use.
fn closure(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let names: BTreeMap<&PackageId, String> =
        metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
    let root = metadata.workspace_packages().into_iter().find(|member| member.name == package).unwrap();
    let (mut seen, mut next) = (BTreeSet::new(), vec![root.id.clone()]);
    while let Some(id) = next.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == id).unwrap();
        for dependency in &node.deps {
            let is_normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if is_normal && seen.insert(names[&dependency.pkg].clone()) {
                next.push(dependency.pkg.clone());
            }
        }
    }
    seen
}

#[test]
fn the_pure_crates_have_no_clock_network_environment_or_randomness() {
    let metadata = metadata();
    for package in ["lethe-domain", "lethe-sources", "lethe-stages"] {
        let used = closure(&metadata, package);
        let impure: Vec<_> = IMPURE.into_iter().filter(|name| used.contains(*name)).collect();
        assert!(impure.is_empty(), "{package} is built from {impure:?}");
    }
    // The check itself sees what it looks for.
    assert!(closure(&metadata, "lethe-aws").contains("tokio"));
}

#[test]
fn what_checks_the_model_is_built_into_nothing_else() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.to_string();
        let uses = closure(&metadata, &name);
        assert_eq!(uses.contains("stateright"), name == "lethe-model", "{name}");
        // Nor is a test of another package built from the model.
        assert!(package.dependencies.iter().all(|used| used.name != "lethe-model"), "{name}");
    }
    // The model is over the shipped rules, and over nothing that does I/O.
    let model = closure(&metadata, "lethe-model");
    assert!(model.contains("lethe-domain"));
    assert!(!model.contains("lethe-stages") && !model.contains("tokio"));
}

#[test]
fn only_one_crate_names_the_sdk() {
    for package in metadata().workspace_packages() {
        let sdk: Vec<_> = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .filter(|dependency| dependency.name.starts_with("aws-sdk-") || dependency.name == "aws-config")
            .map(|dependency| dependency.name.clone())
            .collect();
        assert_eq!(sdk.is_empty(), package.name != "lethe-aws", "{} names {sdk:?}", package.name);
    }
}

#[test]
fn a_function_is_one_binary_of_its_packages_name() {
    let metadata = metadata();
    let functions: Vec<_> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.as_str().contains("/functions/"))
        .collect();
    assert_eq!(functions.len(), 9);
    for package in functions {
        let targets: Vec<_> =
            package.targets.iter().map(|target| (target.name.as_str(), target.is_bin())).collect();
        assert_eq!(targets, [(package.name.as_str(), true)]);
    }
}
