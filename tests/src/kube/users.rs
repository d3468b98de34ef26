//! Users of a test's API server and what they may do.
//!
//! The server reads its file of tokens once, at its start, so the users exist before anybody needs
//! them: they have no right until a test gives them some.

use super::kubeconfig::{self, Server, client};
use crate::Result;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{Api, ObjectMeta, PostParams};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The user that may do everything.
pub(super) const ADMIN: &str = "admin";

/// How many users without rights a server starts with.
const SPARE: usize = 200;

/// Verbs that are allowed on resources of one API group.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// Empty for the core group.
    pub group: &'a str,
    /// Plural names, `pods` or `pods/log`.
    pub resources: &'a [&'a str],
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verbs: &'a [&'a str],
}

/// A user of a test.
#[derive(Debug)]
pub struct User {
    /// As the server calls it, in its refusals for one.
    pub name: String,
    /// Its kubeconfig, which lives as long as the server.
    pub kubeconfig: PathBuf,
}

/// All users of a server.
#[derive(Debug)]
pub(super) struct Users {
    folder: PathBuf,
    given: AtomicUsize,
}

impl Users {
    /// Writes the file of tokens.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let mut lines = format!("{},{ADMIN},{ADMIN},system:masters\n", token(ADMIN));
        for name in (0..SPARE).map(spare) {
            writeln!(lines, "{},{name},{name}", token(&name))?;
        }
        let users = Self { folder: folder.to_owned(), given: AtomicUsize::new(0) };
        fs::write(users.tokens(), lines)?;
        Ok(users)
    }

    /// The file of tokens.
    pub(super) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// Writes the kubeconfig of a user and answers its path.
    pub(super) fn write_kubeconfig(&self, server: &Server, name: &str) -> Result<PathBuf> {
        let file = self.folder.join(format!("{name}.kubeconfig"));
        kubeconfig::write(&file, server, name, &token(name))?;
        Ok(file)
    }

    /// A user that nobody had before, without any right.
    pub(super) fn next(&self, server: &Server) -> Result<User> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        if number >= SPARE {
            return Err(format!("all {SPARE} users of the server are given away").into());
        }
        let name = spare(number);
        let kubeconfig = self.write_kubeconfig(server, &name)?;
        Ok(User { name, kubeconfig })
    }
}

/// Gives a user rights in one namespace, by a role and a binding of its name.
pub(super) async fn allow(admin: &Path, namespace: &str, user: &str, rules: &[Rule<'_>]) -> Result {
    let client = client(admin).await?;
    let metadata = ObjectMeta { name: Some(user.to_owned()), ..ObjectMeta::default() };
    let role = Role { metadata: metadata.clone(), rules: Some(rules.iter().map(policy).collect()) };
    let group = "rbac.authorization.k8s.io".to_owned();
    let binding = RoleBinding {
        metadata,
        role_ref: RoleRef { api_group: group.clone(), kind: "Role".into(), name: user.to_owned() },
        subjects: Some(vec![Subject {
            api_group: Some(group),
            kind: "User".into(),
            name: user.to_owned(),
            namespace: None,
        }]),
    };
    let roles: Api<Role> = Api::namespaced(client.clone(), namespace);
    roles.create(&PostParams::default(), &role).await?;
    let bindings: Api<RoleBinding> = Api::namespaced(client, namespace);
    bindings.create(&PostParams::default(), &binding).await?;
    Ok(())
}

fn policy(rule: &Rule<'_>) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![rule.group.to_owned()]),
        resources: Some(owned(rule.resources)),
        verbs: owned(rule.verbs),
        ..PolicyRule::default()
    }
}

fn spare(number: usize) -> String {
    format!("user-{number}")
}

/// The token of a user. It protects nothing: the server is the test's own, on loopback.
fn token(name: &str) -> String {
    format!("token-of-{name}")
}
