//! Every setting there is, in the order it is shown.

/// One setting.
pub(super) struct Known {
    /// Its key in the configuration file: `section.name`.
    pub(super) key: &'static str,
    /// What people read.
    pub(super) label: &'static str,
    /// The environment variable that sets it.
    pub(super) env: Option<&'static str>,
    /// Where nothing sets it.
    pub(super) default: Default,
    /// Never shown unless asked for.
    pub(super) secret: bool,
    /// Shown as a number.
    pub(super) number: bool,
    /// The path of a file or folder.
    pub(super) path: bool,
}

/// A default.
#[derive(Clone, Copy)]
pub(super) enum Default {
    None,
    Value(&'static str),
    /// A file in the home folder.
    InHome(&'static str),
    /// The first line of a file in the home folder, which a server on this machine keeps there;
    /// else this.
    LineInHome(&'static str, Option<&'static str>),
    /// Where kubectl looks.
    Kubeconfig,
}

const fn known(
    key: &'static str,
    label: &'static str,
    env: Option<&'static str>,
    default: Default,
) -> Known {
    Known { key, label, env, default, secret: false, number: false, path: false }
}

const fn number(known: Known) -> Known {
    Known { number: true, ..known }
}

const fn secret(known: Known) -> Known {
    Known { secret: true, ..known }
}

const fn path(known: Known) -> Known {
    Known { path: true, ..known }
}

use self::Default::{InHome, Kubeconfig, LineInHome, None as Nothing, Value};

pub(super) const KNOWN: &[Known] = &[
    known("server.mode", "Mode", Some("TOYGRES_MODE"), Value("standalone")),
    known("server.bind", "Bind", Some("TOYGRES_BIND"), Value("127.0.0.1")),
    number(known("server.port", "API Port", Some("TOYGRES_PORT"), Value("8080"))),
    number(known("server.workers", "Workers", Some("TOYGRES_WORKERS"), Value("3"))),
    known("server.log_level", "Log Level", Some("RUST_LOG"), Value("info")),
    number(known(
        "server.log_max_bytes",
        "Log Size",
        Some("TOYGRES_LOG_MAX_BYTES"),
        Value("10485760"),
    )),
    number(known("server.log_keep", "Old Logs", Some("TOYGRES_LOG_KEEP"), Value("5"))),
    known("server.hosts", "Host Names", Some("TOYGRES_HOSTS"), Nothing),
    number(known(
        "server.request_timeout_ms",
        "Request Timeout",
        Some("TOYGRES_REQUEST_TIMEOUT_MS"),
        Value("30000"),
    )),
    number(known(
        "server.follow_timeout_ms",
        "Follow Timeout",
        Some("TOYGRES_FOLLOW_TIMEOUT_MS"),
        Value("3600000"),
    )),
    number(known(
        "server.connections",
        "Connections",
        Some("TOYGRES_SERVER_CONNECTIONS"),
        Value("1024"),
    )),
    number(known(
        "server.connections_per_address",
        "Per Address",
        Some("TOYGRES_SERVER_CONNECTIONS_PER_ADDRESS"),
        Value("0"),
    )),
    number(known("server.commands", "Commands", Some("TOYGRES_SERVER_COMMANDS"), Value("10"))),
    number(known("server.drain_ms", "Drain", Some("TOYGRES_DRAIN_MS"), Value("25000"))),
    number(known(
        "server.monitor_interval_ms",
        "Monitor Interval",
        Some("TOYGRES_MONITOR_INTERVAL_MS"),
        Value("30000"),
    )),
    number(known(
        "server.ready_interval_ms",
        "Ready Interval",
        Some("TOYGRES_READY_INTERVAL_MS"),
        Value("30000"),
    )),
    number(known(
        "server.max_row_bytes",
        "Row Limit",
        Some("TOYGRES_SERVER_MAX_ROW_BYTES"),
        Value("8388608"),
    )),
    number(known("server.lease_ms", "Lease", Some("TOYGRES_LEASE_MS"), Value("30000"))),
    number(known(
        "server.keep_checks_days",
        "Days of Checks",
        Some("TOYGRES_KEEP_CHECKS_DAYS"),
        Value("7"),
    )),
    number(known(
        "server.keep_events_days",
        "Days of Events",
        Some("TOYGRES_KEEP_EVENTS_DAYS"),
        Value("90"),
    )),
    known(
        "api.url",
        "URL",
        Some("TOYGRES_API_URL"),
        LineInHome("api-url", Some("http://localhost:8080")),
    ),
    secret(known("api.token", "Token", Some("TOYGRES_API_TOKEN"), LineInHome("api-token", None))),
    number(known("api.timeout_ms", "Timeout", Some("TOYGRES_API_TIMEOUT_MS"), Value("30000"))),
    known("database.url", "URL", Some("DATABASE_URL"), Nothing),
    known("database.cms_schema", "Schema (CMS)", Some("TOYGRES_CMS_SCHEMA"), Value("toygres_cms")),
    known(
        "database.duroxide_schema",
        "Schema (Duroxide)",
        Some("TOYGRES_DUROXIDE_SCHEMA"),
        Value("toygres_duroxide"),
    ),
    number(known(
        "database.connect_timeout_ms",
        "Connect Timeout",
        Some("TOYGRES_CONNECT_TIMEOUT_MS"),
        Value("5000"),
    )),
    number(known(
        "database.statement_timeout_ms",
        "Statement Timeout",
        Some("TOYGRES_STATEMENT_TIMEOUT_MS"),
        Value("30000"),
    )),
    number(known(
        "database.max_row_bytes",
        "Row Limit",
        Some("TOYGRES_MAX_ROW_BYTES"),
        Value("268435456"),
    )),
    known("kubernetes.cluster", "Cluster", Some("AKS_CLUSTER_NAME"), Nothing),
    known("kubernetes.resource_group", "Resource Group", Some("AKS_RESOURCE_GROUP"), Nothing),
    known("kubernetes.namespace", "Namespace", Some("AKS_NAMESPACE"), Value("toygres")),
    path(known("kubernetes.kubeconfig", "Kubeconfig", Some("KUBECONFIG"), Kubeconfig)),
    known("kubernetes.context", "Context", Some("TOYGRES_KUBE_CONTEXT"), Nothing),
    known("kubernetes.image", "Image", Some("TOYGRES_IMAGE"), Value("postgres:{version}")),
    known("kubernetes.storage_class", "Storage Class", Some("TOYGRES_STORAGE_CLASS"), Nothing),
    known("kubernetes.dns_suffix", "DNS Suffix", Some("TOYGRES_DNS_SUFFIX"), Nothing),
    known(
        "kubernetes.network_policy",
        "Network Policy",
        Some("TOYGRES_NETWORK_POLICY"),
        Value("false"),
    ),
    known(
        "kubernetes.cluster_network",
        "Cluster Network",
        Some("TOYGRES_CLUSTER_NETWORK"),
        Nothing,
    ),
    known("drift.ignore", "Ignored", Some("TOYGRES_DRIFT_IGNORE"), Nothing),
    path(known("paths.home", "Home", Some("TOYGRES_HOME"), InHome(""))),
    path(known("paths.pid_file", "PID File", Some("TOYGRES_PID_FILE"), InHome("server.pid"))),
    path(known("paths.log_file", "Log File", Some("TOYGRES_LOG_FILE"), InHome("server.log"))),
];
