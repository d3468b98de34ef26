//! The control plane at work with the rights that `deploy/kubernetes` grants, and with one fewer.

use crate::rights::{Triple, needed};
use serde_json::{Value, json};
use std::path::Path;
use toygres_tests::control::{Api, Deployment, Options, Server};
use toygres_tests::kube::Rule;
use toygres_tests::wait;

/// The kubeconfig of somebody with these rights in the namespace of a deployment, and no others.
fn kubeconfig(deployment: &Deployment, rights: &[Triple]) -> std::path::PathBuf {
    let words: Vec<_> = rights
        .iter()
        .map(|(group, resource, verb)| (group.as_str(), [resource.as_str()], [verb.as_str()]))
        .collect();
    let rules: Vec<Rule<'_>> =
        words.iter().map(|(group, resources, verbs)| Rule { group, resources, verbs }).collect();
    deployment.world.api.user_with(&deployment.namespace, &rules).unwrap().kubeconfig
}

fn options(kubeconfig: &Path) -> Options {
    Options::default()
        .env("KUBECONFIG", kubeconfig.to_str().unwrap())
        .env("TOYGRES_NETWORK_POLICY", "true")
}

/// Waits until the instance is in one of these states, and answers it.
fn becomes(api: &Api, k8s_name: &str, states: &[&str]) -> Value {
    wait::until(&format!("{k8s_name} to be {states:?}"), || {
        let instance = api.get(&format!("/api/instances/{k8s_name}"))?.body;
        Ok(states.iter().any(|state| instance["state"] == *state).then_some(instance))
    })
    .unwrap()
}

#[test]
fn these_rights_are_enough() {
    let Some(deployment) = Deployment::new() else { return };
    let rights: Vec<Triple> = needed().into_iter().collect();
    let server = deployment.start(options(&kubeconfig(&deployment, &rights)));
    let api = server.api().unwrap();
    let made = api.create(&json!({"name": "enough", "password": "test123"}));
    let name = made["k8s_name"].as_str().unwrap();
    let running = becomes(&api, name, &["running", "failed"]);
    assert_eq!(running["state"], "running", "{running:#}\n{}", server.said());
    let shown = api.get(&format!("/api/instances/{name}?show_password=true")).unwrap().body;
    assert!(shown["connection_string"].as_str().unwrap().contains("test123"), "{shown:#}");
    api.delete(&format!("/api/instances/{name}")).unwrap();
    becomes(&api, name, &["deleted"]);
}

#[test]
fn each_of_them_is_needed_and_named_where_it_is_missing() {
    let all: Vec<Triple> = needed().into_iter().collect();
    // Some at a time: each takes a process of its own.
    for some in all.chunks(3) {
        std::thread::scope(|scope| {
            for missing in some {
                let all = &all;
                scope.spawn(move || {
                    // Workers of one database would do each other's work, with other rights.
                    let Some(deployment) = Deployment::new() else { return };
                    is_needed(&deployment, all, missing);
                });
            }
        });
    }
}

/// Makes and unmakes an instance without one of the rights; somewhere it is named.
fn is_needed(deployment: &Deployment, all: &[Triple], missing: &Triple) {
    let rights: Vec<Triple> = all.iter().filter(|right| *right != missing).cloned().collect();
    let (_, resource, verb) = missing;
    let named = format!("needs `{verb}` on `{resource}` in namespace `{}`", deployment.namespace);
    let options = options(&kubeconfig(deployment, &rights));
    let server = Server::spawn(deployment, options).unwrap();
    let told = wait::until(&format!("the API of a server without {missing:?}"), || {
        let asked = server.api().and_then(|api| Ok((api.get("/readyz")?.body.to_string(), api)));
        // It may end instead, and then says why.
        let ended = server.said().contains(&named).then(|| (server.said(), None));
        Ok(ended.or(asked.ok().map(|(ready, api)| (ready, Some(api)))))
    });
    let (told, api) = told.unwrap_or_else(|error| panic!("{error}\n{}", server.said()));
    let Some(api) = api.filter(|_| !told.contains(&named)) else { return };
    let name = format!("no-{verb}-{resource}");
    let made = wait::until("the API to take a request", || {
        let answer = api.post("/api/instances", &json!({"name": name}))?;
        Ok((answer.status != 503 || answer.body.to_string().contains("needs")).then_some(answer))
    })
    .unwrap();
    if made.body.to_string().contains(&named) {
        return;
    }
    assert_eq!(made.status, 202, "{missing:?}: {made:#?}");
    let k8s_name = made.body["k8s_name"].as_str().unwrap();
    let ended = becomes(&api, k8s_name, &["running", "failed"]);
    if ended["message"].as_str().is_some_and(|message| message.contains(&named)) {
        return;
    }
    assert_eq!(ended["state"], "running", "{missing:?}: {ended:#}");
    let shown = api.get(&format!("/api/instances/{k8s_name}?show_password=true")).unwrap();
    if shown.body.to_string().contains(&named) {
        return;
    }
    api.delete(&format!("/api/instances/{k8s_name}")).unwrap();
    let ended = becomes(&api, k8s_name, &["deleted", "failed"]);
    let message = ended["message"].as_str().unwrap_or_default();
    assert!(message.contains(&named), "{missing:?}: {ended:#}\n{}", server.said());
}
