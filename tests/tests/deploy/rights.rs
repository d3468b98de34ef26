//! The rights: those that the control plane needs, no more and no fewer.

use crate::manifests::{documents, named};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant};
use toygres_model::rights::{NEEDED, NEEDED_FOR_POLICIES, each};
use toygres_tests::kube::{ApiServer, client};

/// How long an API server may take until a new Role is in effect.
const RBAC_TIMEOUT: Duration = Duration::from_secs(30);

/// Group, resource, verb.
pub(crate) type Triple = (String, String, String);

pub(crate) fn needed() -> BTreeSet<Triple> {
    let all = each(NEEDED).chain(each(NEEDED_FOR_POLICIES));
    all.map(|(group, resource, verb)| (group.into(), resource.into(), verb.into())).collect()
}

#[test]
fn the_role_grants_what_the_control_plane_needs() {
    // Else the rights for policies would be too many.
    assert_eq!(named("ConfigMap", "toygres")["data"]["TOYGRES_NETWORK_POLICY"], "true");
    let role = named("Role", "toygres-control-plane");
    let words = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    let triple = (group.clone(), resource.clone(), verb);
                    assert!(granted.insert(triple.clone()), "granted twice: {triple:?}");
                }
            }
        }
    }
    assert_eq!(granted, needed());
}

/// Makes what a file has of one kind; it may be there already.
async fn make<K>(client: &kube::Client, file: &str, kind: &str, namespace: &str)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
    K::DynamicType: Default,
{
    for document in documents(file).into_iter().filter(|document| document["kind"] == kind) {
        let mut object: K = serde_json::from_value(document).unwrap();
        object.meta_mut().namespace = Some(namespace.to_owned());
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        api.create(&PostParams::default(), &object).await.unwrap();
    }
}

#[tokio::test]
async fn a_real_api_server_allows_exactly_that_in_one_namespace() {
    let Some(server) = ApiServer::shared() else { return };
    let admin = client(server.kubeconfig()).await.unwrap();
    // Namespaces of this test's own: the names of the manifests belong to another one.
    let system = server.namespace("rights-system").unwrap();
    let databases = server.namespace("rights").unwrap();
    make::<ServiceAccount>(&admin, "rbac.yaml", "ServiceAccount", &system).await;
    make::<Role>(&admin, "rbac.yaml", "Role", &databases).await;
    let binding = documents("rbac.yaml").into_iter().find(|found| found["kind"] == "RoleBinding");
    let mut binding: RoleBinding = serde_json::from_value(binding.unwrap()).unwrap();
    binding.metadata.namespace = Some(databases.clone());
    for subject in binding.subjects.iter_mut().flatten() {
        subject.namespace = Some(system.clone());
    }
    let bindings: Api<RoleBinding> = Api::namespaced(admin.clone(), &databases);
    bindings.create(&PostParams::default(), &binding).await.unwrap();

    let user = format!("system:serviceaccount:{system}:toygres");
    // The API server learns of a new Role and its binding a moment later.
    let deadline = Instant::now() + RBAC_TIMEOUT;
    while !may(&admin, &user, Some(&databases), "", "pods", "list").await {
        assert!(Instant::now() < deadline, "the Role is not in effect");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut allowed = BTreeSet::new();
    for (group, resource) in RESOURCES {
        for verb in VERBS {
            if may(&admin, &user, Some(&databases), group, resource, verb).await {
                allowed.insert(((*group).to_owned(), (*resource).to_owned(), (*verb).to_owned()));
            }
            for elsewhere in [Some(system.as_str()), Some("default"), None] {
                let may = may(&admin, &user, elsewhere, group, resource, verb).await;
                assert!(!may, "{verb} {resource} in {elsewhere:?}");
            }
        }
    }
    assert_eq!(allowed, needed());
}

const VERBS: &[&str] =
    &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// What is needed, and what would be worth having.
const RESOURCES: &[(&str, &str)] = &[
    ("", "persistentvolumeclaims"),
    ("", "pods"),
    ("", "pods/exec"),
    ("", "pods/log"),
    ("", "secrets"),
    ("", "services"),
    ("", "configmaps"),
    ("", "serviceaccounts"),
    ("", "namespaces"),
    ("", "nodes"),
    ("apps", "statefulsets"),
    ("apps", "statefulsets/scale"),
    ("apps", "deployments"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
];

/// The server's own answer.
async fn may(
    admin: &kube::Client,
    user: &str,
    namespace: Option<&str>,
    group: &str,
    resource: &str,
    verb: &str,
) -> bool {
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, sub)) => (resource, Some(sub.to_owned())),
        None => (resource, None),
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            resource_attributes: Some(ResourceAttributes {
                namespace: namespace.map(str::to_owned),
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(admin.clone());
    let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
    answer.status.is_some_and(|status| status.allowed)
}
