//! The rights in Kubernetes: with those that are needed it works, and each that is missing is named.

use super::{begin, text};
use serde_json::json;
use std::thread;
use toygres_model::rights::{NEEDED, each};
use toygres_tests::control::{Deployment, Options, Server};
use toygres_tests::kube::Rule;
use toygres_tests::wait;

type Right = (&'static str, &'static str, &'static str);

/// The stand-in knows one user, who may do everything.
fn with_rights() -> Option<Deployment> {
    Deployment::new().filter(|deployment| deployment.world.api.has_rights())
}

#[test]
fn the_rights_in_one_namespace_are_enough_for_a_life() {
    let Some(deployment) = with_rights() else { return };
    let rights: Vec<Right> = each(NEEDED).collect();
    let mut server = start_with(&deployment, &rights);
    server.opens().unwrap();
    let api = server.api().unwrap();
    let name = begin(&api, "modestdb");
    deployment.reaches(&name, "running").unwrap();
    assert_eq!(api.get("/readyz").unwrap().status, 200);
    let shown = api.get("/api/instances/modestdb?show_password=true").unwrap().body;
    assert!(text(&shown, "connection_string").contains("test123"));
    api.delete("/api/instances/modestdb").unwrap();
    deployment.reaches(&name, "deleted").unwrap();
    deployment.objects().vanish(None).unwrap();
}

#[test]
fn each_right_that_is_missing_is_named() {
    if with_rights().is_none() {
        return;
    }
    let all: Vec<Right> = each(NEEDED).collect();
    for some in all.chunks(5) {
        thread::scope(|scope| {
            for missing in some {
                let rest = all.iter().filter(|right| *right != missing).copied().collect();
                scope.spawn(move || is_named(missing, rest));
            }
        });
    }
}

fn is_named(missing: &Right, rest: Vec<Right>) {
    let Some(deployment) = Deployment::new() else { return };
    let (_, resource, verb) = missing;
    let named = format!(
        "forbidden: needs `{verb}` on `{resource}` in namespace `{}`",
        deployment.namespace
    );
    let mut server = start_with(&deployment, &rest);
    // One that misses a right from the start on says so and ends.
    let said = match server.opens() {
        Ok(()) => life_until_it_fails(&deployment, &server),
        Err(ended) => ended.to_string(),
    };
    assert!(said.contains(&named), "{named}: {said}");
}

/// What the first thing says that does not work: readiness, creating, or deleting.
fn life_until_it_fails(deployment: &Deployment, server: &Server) -> String {
    let api = server.api().unwrap();
    let ready = api.get("/readyz").unwrap();
    if ready.status != 200 {
        return ready.body.to_string();
    }
    let begun = api.post("/api/instances", &json!({"name": "curbeddb"})).unwrap();
    if begun.status != 202 {
        assert_eq!(begun.status, 503, "{begun:#?}");
        return begun.body.to_string();
    }
    let name = text(&begun.body, "k8s_name");
    let ended = wait::until("the creation to end", || {
        let record = deployment.record(name)?;
        Ok((record["state"] != "creating").then_some(record))
    });
    let ended = ended.unwrap();
    if ended["state"] == "failed" {
        return ended.to_string();
    }
    api.delete("/api/instances/curbeddb").unwrap();
    let ended = wait::until("the deletion to end", || {
        let record = deployment.record(name)?;
        Ok((record["state"] != "deleting" && record["state"] != "running").then_some(record))
    });
    ended.unwrap().to_string()
}

fn start_with(deployment: &Deployment, rights: &[Right]) -> Server {
    let verbs: Vec<[&str; 1]> = rights.iter().map(|(_, _, verb)| [*verb]).collect();
    let resources: Vec<[&str; 1]> = rights.iter().map(|(_, resource, _)| [*resource]).collect();
    let rules: Vec<Rule<'_>> = rights
        .iter()
        .zip(resources.iter().zip(&verbs))
        .map(|((group, _, _), (resources, verbs))| Rule { group, resources, verbs })
        .collect();
    let user = deployment.world.api.user_with(&deployment.namespace, &rules).unwrap();
    let kubeconfig = user.kubeconfig.to_str().unwrap();
    let options = Options::default().env("KUBECONFIG", kubeconfig);
    Server::spawn(deployment, options).unwrap()
}
