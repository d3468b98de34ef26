//! The least of rights is enough, and nothing but reading is sent.

use crate::plane::{Plane, codes, on_cluster};
use crate::support::Toygres;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, PostParams};
use serde_json::json;

const COMMANDS: &[&[&str]] = &[
    &["health"],
    &["health", "--verbose"],
    &["stats"],
    &["stats", "-o", "prometheus"],
    &["workers"],
];

#[test]
fn an_observer_that_may_only_read_sees_everything_and_sends_nothing_else() {
    let Some((plane, _)) = Plane::with_instance() else { return };
    let server = plane.deployment.database.server();
    server.create_role("health_observer", "").unwrap();
    plane.sql(
        "GRANT USAGE ON SCHEMA toygres_cms, toygres_duroxide TO health_observer; \
         GRANT SELECT ON ALL TABLES IN SCHEMA toygres_cms, toygres_duroxide TO health_observer; \
         ALTER ROLE health_observer SET log_statement = 'all'",
    );
    let user = plane.deployment.world.api.user_with(&plane.deployment.namespace, &[]).unwrap();
    on_cluster(&plane.kubeconfig(), async |client| {
        let roles: Api<ClusterRole> = Api::all(client.clone());
        let role = json!({"metadata": {"name": user.name}, "rules": [{"apiGroups": ["*"],
            "resources": ["*"], "verbs": ["get", "list"]}]});
        roles.create(&PostParams::default(), &serde_json::from_value(role)?).await?;
        let bindings: Api<ClusterRoleBinding> = Api::all(client);
        let binding = json!({"metadata": {"name": user.name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": user.name},
            "subjects": [{"kind": "User", "name": user.name,
                "apiGroup": "rbac.authorization.k8s.io"}]});
        bindings.create(&PostParams::default(), &serde_json::from_value(binding)?).await?;
        Ok(())
    });
    let url = plane.deployment.database.url_for("health_observer");
    let observer = || -> Toygres {
        let toygres = plane.toygres().env("DATABASE_URL", &url);
        toygres.env("KUBECONFIG", &user.kubeconfig.to_string_lossy())
    };
    let before = server.log().unwrap().len();
    for command in COMMANDS {
        observer().args(["server"]).args(command.iter().copied()).run().code(0);
    }
    let answer = observer().args(["server", "health", "-o", "json"]).run().code(0).json();
    assert_eq!(codes(&answer, &["failed"]), Vec::<String>::new());
    // The transactions of others are the only thing that such a role does not see.
    let unknown = codes(&answer, &["unknown"]);
    assert!(unknown.len() == 1 && unknown[0].starts_with("TG0405"), "{unknown:?}");
    for warning in codes(&answer, &["warning"]) {
        assert!(warning.contains("this user may only read"), "{warning}");
    }
    let log = server.log().unwrap();
    let statements = statements(&log[before..]);
    assert!(statements.len() > 50, "{}", statements.len());
    for statement in &statements {
        assert!(is_reading(statement), "{statement}");
    }
    plane.sql("DROP OWNED BY health_observer");
    server.psql("DROP ROLE health_observer").unwrap();
}

/// What was logged as a statement, each with its further lines.
fn statements(log: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut within = false;
    for line in log.lines() {
        let told = line.split_once("LOG:  statement: ").map(|(_, sql)| sql).or_else(|| {
            let (_, rest) = line.split_once("LOG:  execute ")?;
            rest.split_once(": ").map(|(_, sql)| sql)
        });
        match (told, line.strip_prefix('\t')) {
            (Some(sql), _) => {
                found.push(sql.to_owned());
                within = true;
            }
            (None, Some(more)) if within => {
                let last = found.last_mut().unwrap();
                last.push(' ');
                last.push_str(more);
            }
            _ => within = false,
        }
    }
    found
}

fn is_reading(statement: &str) -> bool {
    let upper = statement.trim_start().to_uppercase();
    // Preparing a statement does nothing; it is what is prepared that counts.
    let upper = match upper.strip_prefix("PREPARE ").and_then(|rest| rest.split_once(" AS ")) {
        Some((_, prepared)) => prepared.to_owned(),
        None => upper,
    };
    let begins = [
        "SELECT",
        "WITH",
        "BEGIN",
        "ROLLBACK",
        "FETCH",
        "CLOSE",
        "DECLARE",
        "SET",
        "EXECUTE",
        "DEALLOCATE",
        "SHOW",
    ];
    let writes = [
        "INSERT INTO",
        "UPDATE ",
        "DELETE FROM",
        "CREATE ",
        "ALTER ",
        "DROP ",
        "LOCK ",
        "FOR UPDATE",
        "FOR SHARE",
        "COMMIT",
        "NEXTVAL",
        "PG_ADVISORY",
    ];
    begins.iter().any(|word| upper.starts_with(word)) && !writes.iter().any(|w| upper.contains(w))
}

#[test]
fn the_judge_of_statements_knows_a_write() {
    assert!(is_reading("SELECT 1") && is_reading("BEGIN READ ONLY"));
    for writing in ["INSERT INTO a VALUES (1)", "WITH x AS (DELETE FROM a) SELECT", "COMMIT"] {
        assert!(!is_reading(writing), "{writing}");
    }
    let log =
        "t [1] LOG:  statement: BEGIN\nt [1] LOG:  execute s1: SELECT 1,\n\t2\nt [1] WARNING: x\n";
    assert_eq!(statements(log), ["BEGIN", "SELECT 1, 2"]);
}
