use super::fill;
use crate::kube::resource;
use serde_json::{Value, json};

fn set(container: &Value) -> Value {
    let mut object = json!({
        "metadata": {"name": "db"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "containers": [container],
                "volumes": [{"name": "v"}, {"name": "s", "secret": {"secretName": "x"}}],
            }},
        },
    });
    fill(&resource::STATEFUL_SET, &mut object);
    object
}

#[test]
fn a_stateful_set_says_everything() {
    let object =
        set(&json!({"name": "c", "image": "postgres:18", "ports": [{"containerPort": 1}]}));
    assert_eq!(
        object["spec"],
        json!({
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "containers": [{
                    "name": "c", "image": "postgres:18",
                    "ports": [{"containerPort": 1, "protocol": "TCP"}],
                    "imagePullPolicy": "IfNotPresent",
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                    "resources": {},
                }],
                "volumes": [
                    {"name": "v", "emptyDir": {}},
                    {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}},
                ],
                "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
                "securityContext": {},
            }},
            "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10, "replicas": 1,
            "serviceName": "",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        })
    );
}

#[test]
fn a_probe_says_how_often() {
    let probe = json!({"httpGet": {"port": 1}, "periodSeconds": 2, "timeoutSeconds": 0});
    let object = set(&json!({"name": "c", "image": "x", "readinessProbe": probe}));
    assert_eq!(
        object.pointer("/spec/template/spec/containers/0/readinessProbe").unwrap(),
        &json!({
            "httpGet": {"port": 1, "path": "/", "scheme": "HTTP"}, "periodSeconds": 2,
            "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3,
        })
    );
}

#[test]
fn images_that_may_change_are_always_pulled() {
    for (image, policy) in [
        ("postgres", "Always"),
        ("postgres:latest", "Always"),
        ("host:5000/postgres", "Always"),
        ("host:5000/postgres:18", "IfNotPresent"),
        ("postgres@sha256:00", "IfNotPresent"),
    ] {
        let object = set(&json!({"name": "c", "image": image}));
        let found = object.pointer("/spec/template/spec/containers/0/imagePullPolicy").unwrap();
        assert_eq!(found, policy, "{image}");
    }
}

#[test]
fn texts_of_a_secret_become_data() {
    let mut secret = json!({"stringData": {"a": "secret"}, "data": {"a": "AAAA", "b": "BBBB"}});
    fill(&resource::SECRET, &mut secret);
    assert_eq!(secret, json!({"data": {"a": "c2VjcmV0", "b": "BBBB"}, "type": "Opaque"}));
}

#[test]
fn ports_of_a_service_aim_at_themselves() {
    let mut service = json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 5432}]}});
    fill(&resource::SERVICE, &mut service);
    let port = json!({"port": 5432, "protocol": "TCP", "targetPort": 5432});
    assert_eq!(service["spec"]["ports"], json!([port]));
    assert_eq!(service["spec"]["externalTrafficPolicy"], "Cluster");
    assert_eq!(service["spec"]["internalTrafficPolicy"], "Cluster");
}

#[test]
fn a_second_time_changes_nothing() {
    for resource in resource::ALL {
        let mut object = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}});
        fill(resource, &mut object);
        let once = object.clone();
        fill(resource, &mut object);
        assert_eq!(object, once, "{resource}");
    }
}
