//! The rows: a connection string, and what surrounds it.

/// One row.
pub(crate) struct Row {
    pub(crate) text: &'static str,
    pub(crate) variables: Vec<(&'static str, &'static str)>,
    pub(crate) home: &'static str,
    /// The exit code of toygres where `psql` does not connect: 4, and 2 where what was given cannot
    /// be.
    pub(crate) failure: i32,
}

impl Row {
    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    fn home(mut self, home: &'static str) -> Self {
        self.home = home;
        self
    }

    /// It is wrong in itself.
    fn bad(mut self) -> Self {
        self.failure = 2;
        self
    }
}

fn row(text: &'static str) -> Row {
    Row { text, variables: Vec::new(), home: "empty", failure: 4 }
}

pub(crate) fn all() -> Vec<Row> {
    let parts =
        [forms(), malformed(), hosts(), surroundings(), passwords(), services(), words(), tls()];
    parts.into_iter().flatten().collect()
}

/// The two forms, and what may stand where.
fn forms() -> Vec<Row> {
    vec![
        row("postgres://app@127.0.0.1:{P}/app"),
        row("postgresql://app@127.0.0.1:{P}/app"),
        row("postgres://app@127.0.0.1:{P}"),
        row("postgres://app@127.0.0.1:{P}/"),
        row("postgres://app@127.0.0.1:{P}/?"),
        row("postgres://127.0.0.1:{P}/app?user=app"),
        row("postgres:///app?user=app&host=127.0.0.1&port={P}"),
        row("postgres://app@/app?host=127.0.0.1&port={P}"),
        row("postgresql://app@/postgres?host={SOCK}&port={P}"),
        row("postgres://app@{SOCK%}:{P}/app"),
        row("postgres://app@%2Fnosuch:{P}/app"),
        row("postgres://app@localhost:{P}/app"),
        row("postgres://app@127.0.0.1:{P}/app?dbname=postgres"),
        row("postgres://app@127.0.0.1:{P}/od%20d"),
        row("postgres://app@127.0.0.1:{P}/od+d"),
        row("postgres://secret:{PW%}@127.0.0.1:{P}/app"),
        row("postgres://secret@127.0.0.1:{P}/app?password={PW%}"),
        row("postgres://clear:{PW%}@127.0.0.1:{P}/app"),
        row("postgres://md5user:{PW%}@127.0.0.1:{P}/app"),
        row("postgres://secret:@127.0.0.1:{P}/app"),
        row("postgres://secret:wrong@127.0.0.1:{P}/app"),
        row("postgres://app:ignored@127.0.0.1:{P}/app"),
        row("postgres://nobody_here@127.0.0.1:{P}/app"),
        row("postgres://app@127.0.0.1:{P}/nosuch"),
        row("postgres://nothing@127.0.0.1:{P}/app"),
        row("postgres://toygres:{SUPER}@127.0.0.1:{P}/postgres"),
        row("host=127.0.0.1 port={P} user=app dbname=app"),
        row("  host = 127.0.0.1  port ={P} user= app  "),
        row("host=127.0.0.1\tport={P}\nuser=app"),
        row("host=127.0.0.1 port={P} user=secret password='{PW}' dbname=app"),
        row(r"host=127.0.0.1 port={P} user=secret password=p@ss/w:rd\ 1 dbname=app"),
        row("host='127.0.0.1' port='{P}' user='app' dbname='od d'"),
        row("host={SOCK} port={P} user=app dbname=app"),
        row("host=127.0.0.1 port={P} user=app user=nobody_here"),
        row("host=127.0.0.1 port={P} user=nobody_here user=app"),
        row("host=127.0.0.1 port={P} user=app dbname=''"),
        row("hostaddr=127.0.0.1 port={P} user=app"),
        row("host=no.such.name.invalid hostaddr=127.0.0.1 port={P} user=app"),
        row("host=127.0.0.1 port=' {P} ' user=app"),
    ]
}

fn malformed() -> Vec<Row> {
    let rows = vec![
        row("postgres://app@[127.0.0.1:{P}/app"),
        row("postgres://app@[]:{P}/app"),
        row("postgres://app@127.0.0.1:{P}/app?nosuch=1"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=disable=x"),
        row("postgres://app@127.0.0.1:{P}/app?&sslmode=disable"),
        row("postgres://app@127.0.0.1:{P}/a%zzb"),
        row("postgres://app@127.0.0.1:{P}/a%00b"),
        row("postgres://app@127.0.0.1:{P}/app?pgbouncer=true"),
        row("postgres://app@127.0.0.1:{P}/app?schema=public"),
        row("postgres://app@127.0.0.1:{P}/app?statement-cache-capacity=0"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=sometimes"),
        row("postgres://app@127.0.0.1:{P}/app?SSLMODE=disable"),
        row("postgres://app@127.0.0.1:x/app"),
        row("postgres://app@127.0.0.1:0/app"),
        row("postgres://app@127.0.0.1:70000/app"),
        row("postgres://app@127.0.0.1:{P}/app?connect_timeout=soon"),
        row("postgres://app@127.0.0.1:{P}/app?target_session_attrs=master"),
        row("postgres://app@127.0.0.1:{P}/app?channel_binding=maybe"),
        row("postgres://app@127.0.0.1:{P}/app?gssencmode=maybe"),
        row("postgres://app@127.0.0.1:{P}/app?keepalives_idle=x"),
        row("postgres://app@127.0.0.1:{P}/app?ssl=false"),
        row("host=127.0.0.1 port={P} user=app nosuch=1"),
        row("host=127.0.0.1 port={P} user=app dbname"),
        row("host=127.0.0.1 port={P} user='app"),
        row("host=127.0.0.1,127.0.0.1 port={P},{P},{P} user=app"),
        row("host=127.0.0.1,127.0.0.1 hostaddr=127.0.0.1 port={P} user=app"),
        row("host=127.0.0.1 port={P} user=app sslmode=Require"),
        row("host=127.0.0.1 port={P} user=app ssl_min_protocol_version=SSLv3"),
        row("host=127.0.0.1 port={T} user=app ssl_max_protocol_version=TLSv1.1"),
        row("host=127.0.0.1 port={P} user=app gssencmode=require"),
    ];
    rows.into_iter().map(Row::bad).collect()
}

/// Several servers, silent ones, and which of them will do.
fn hosts() -> Vec<Row> {
    vec![
        row("postgres://app@127.0.0.1:1,127.0.0.1:{P}/app"),
        row("postgres://app@127.0.0.1:{P},127.0.0.1:{S}/app"),
        row("postgres://app@127.0.0.1,localhost:{P}/app"),
        row("postgres:///app?host=127.0.0.1,127.0.0.1&port=1,{P}&user=app"),
        row("host=127.0.0.1,127.0.0.1 port=1,{P} user=app"),
        row("host=127.0.0.1,{SOCK} port={P} user=app"),
        row("host={DIR},127.0.0.1 port={P} user=app"),
        row("host=no.such.name.invalid,127.0.0.1 port={P} user=app"),
        row("host=127.0.0.1,127.0.0.1 port=70000,{P} user=app"),
        row("postgres://app@127.0.0.1:1,127.0.0.1:2/app"),
        row("postgres://app@127.0.0.1:1/app"),
        row("postgres://app@no.such.name.invalid:{P}/app"),
        row("postgres://nothing@127.0.0.1:{P},127.0.0.1:{S}/app"),
        row("postgres://secret:wrong@127.0.0.1:{P},127.0.0.1:{S}/app"),
        row("postgres://app@127.0.0.1:{H}/app?connect_timeout=2"),
        row("postgres://app@127.0.0.1:{H},127.0.0.1:{P}/app?connect_timeout=2"),
        row("host=127.0.0.1,127.0.0.1 port={H},{P} user=app connect_timeout=1"),
        row("host=127.0.0.1,127.0.0.1 port={H},{P} user=app").env("PGCONNECT_TIMEOUT", "2"),
        row("postgres://app@127.0.0.1:{P}/app?connect_timeout=0"),
        row("postgres://app@127.0.0.1:{P}/app?connect_timeout=-1"),
        row("postgres://app@127.0.0.1:{P}/app?connect_timeout=%2020%20"),
        row("postgres://app@127.0.0.1:{S},127.0.0.1:{P}/app?target_session_attrs=any"),
        row("postgres://app@127.0.0.1:{S},127.0.0.1:{P}/app?target_session_attrs=read-write"),
        row("postgres://app@127.0.0.1:{P},127.0.0.1:{S}/app?target_session_attrs=read-only"),
        row("postgres://app@127.0.0.1:{S},127.0.0.1:{P}/app?target_session_attrs=primary"),
        row("postgres://app@127.0.0.1:{S},127.0.0.1:{P}/app?target_session_attrs=standby"),
        row("postgres://app@127.0.0.1:{S},127.0.0.1:{P}/app?target_session_attrs=prefer-standby"),
        row("postgres://app@127.0.0.1:{P}/app?target_session_attrs=read-write"),
        row("postgres://app@127.0.0.1:{P}/app?target_session_attrs=read-only"),
        row("host=127.0.0.1,127.0.0.1 port={S},{P} user=app target_session_attrs=read-write"),
        row("host=127.0.0.1,127.0.0.1 port={S},{P} user=app")
            .env("PGTARGETSESSIONATTRS", "read-write"),
    ]
}

/// The environment, and the account.
fn surroundings() -> Vec<Row> {
    vec![
        row("postgres://127.0.0.1:{P}/postgres"),
        row("postgres://127.0.0.1:{P}"),
        row("postgres://127.0.0.1:{P}/postgres").env("USER", "app"),
        row("postgres://127.0.0.1:{P}/postgres").env("PGUSER", "app"),
        row("postgres://127.0.0.1:{P}").env("PGUSER", "app"),
        row("postgres://127.0.0.1:{P}").env("PGUSER", "app").env("PGDATABASE", "postgres"),
        row("postgres://app@127.0.0.1:{P}").env("PGDATABASE", "od d"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGDATABASE", "nosuch"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGUSER", "nobody_here"),
        row("postgres://app@/app").env("PGHOST", "127.0.0.1").env("PGPORT", "{P}"),
        row("postgres://").env("PGHOST", "{SOCK}").env("PGPORT", "{P}").env("PGUSER", "app"),
        row("user=app").env("PGHOST", "127.0.0.1").env("PGPORT", "{P}"),
        row("user=app").env("PGHOSTADDR", "127.0.0.1").env("PGPORT", "{P}"),
        row("user=app").env("PGHOST", "127.0.0.1,127.0.0.1").env("PGPORT", "1,{P}"),
        row("postgres://app@127.0.0.1/app").env("PGPORT", "{P}"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGPORT", "1"),
        row("postgres://secret@127.0.0.1:{P}/app").env("PGPASSWORD", "{PW}"),
        row("postgres://secret@127.0.0.1:{P}/app").env("PGPASSWORD", "wrong"),
        row("postgres://secret:{PW%}@127.0.0.1:{P}/app").env("PGPASSWORD", "wrong"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGOPTIONS", "-c work_mem=7MB"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGSSLMODE", "require"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=disable").env("PGSSLMODE", "require"),
        row("postgres://app@127.0.0.1:{T}/app").env("PGSSLMODE", "disable"),
        row("postgres://app@127.0.0.1:{T}/app").env("PGSSLMODE", "verify-ca").bad(),
        row("postgres://app@127.0.0.1:{T}/app").env("PGREQUIRESSL", "1"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGREQUIRESSL", "1"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGSSLMODE", "sometimes").bad(),
        row("postgres://app@127.0.0.1:{P}/app").env("PGGSSENCMODE", "disable"),
        row("postgres://app@127.0.0.1:{P}/app").env("PGAPPNAME", "batch"),
    ]
}

fn passwords() -> Vec<Row> {
    vec![
        row("postgres://secret@127.0.0.1:{P}/app"),
        row("postgres://secret@127.0.0.1:{P}/app").home("pgpass"),
        row("host=127.0.0.1 port={P} user=secret dbname=app").home("pgpass"),
        row("postgres://secret@localhost:{P}/app").home("pgpass"),
        row("postgres://secret@127.0.0.1:{S}/app").home("pgpass"),
        row("postgres://secret@127.0.0.1:{T}/app").home("pgpass"),
        row("postgres://secret:@127.0.0.1:{P}/app").home("pgpass"),
        row("postgres://secret@127.0.0.1:{P}/app").home("openpass"),
        row("postgres://secret@127.0.0.1:{P}/app").home("wrongpass"),
        row("postgres://secret:{PW%}@127.0.0.1:{P}/app").home("wrongpass"),
        row("postgres://secret@127.0.0.1:{P}/app").home("wrongpass").env("PGPASSWORD", "{PW}"),
        row("postgres://secret@127.0.0.1:{P}/app").env("PGPASSFILE", "{DIR}/passwords"),
        row("postgres://secret@127.0.0.1:{P}/app").home("pgpass").env("PGPASSFILE", "{DIR}/none"),
        row("postgres://secret@127.0.0.1:{P}/app?passfile={DIR}/passwords").home("wrongpass"),
        row("host=127.0.0.1,127.0.0.1 port=1,{P} user=secret dbname=app").home("pgpass"),
        row("host=localhost hostaddr=127.0.0.1 port={P} user=secret dbname=app").home("pgpass"),
        row("hostaddr=127.0.0.1 port={P} user=secret dbname=app").home("pgpass"),
    ]
}

fn services() -> Vec<Row> {
    vec![
        row("service=plain").home("service"),
        row("postgres:///?service=plain").home("service"),
        row("postgres://?service=plain").home("service"),
        row("service=full").home("service"),
        row("service=socket").home("service"),
        row("service=encrypted").home("service"),
        row("service=plain dbname=postgres").home("service"),
        row("service=plain user=nobody_here").home("service"),
        row("service=plain").home("service").env("PGUSER", "nobody_here"),
        row("service=plain").home("service").env("PGDATABASE", "postgres"),
        row("dbname=postgres").home("service").env("PGSERVICE", "plain"),
        row("service=plain").home("service").env("PGSERVICE", "none"),
        row("service=none").home("service").bad(),
        row("service=plain").bad(),
        row("service=nested").home("service").bad(),
        row("service=strange").home("service").bad(),
        row("service=equal").home("service").bad(),
        row("service=plain").env("PGSERVICEFILE", "{DIR}/services"),
        row("service=plain").env("PGSERVICEFILE", "{DIR}/none").bad(),
        row("service=full").env("PGSYSCONFDIR", "{DIR}/etc"),
        row("service=plain").home("service").env("PGSYSCONFDIR", "{DIR}/etc"),
    ]
}

/// Words that change little, and must be known.
fn words() -> Vec<Row> {
    vec![
        row("postgres://app@127.0.0.1:{P}/app?application_name=batch"),
        row("postgres://app@127.0.0.1:{P}/app?fallback_application_name=batch"),
        row("postgres://app@127.0.0.1:{P}/app?options=-c%20work_mem%3D5MB"),
        row("host=127.0.0.1 port={P} user=app options='-c work_mem=6MB'"),
        row("postgres://app@127.0.0.1:{P}/app?options=-c%20nosuch.x%3D1"),
        row("postgres://app@127.0.0.1:{P}/app?options=-c%20nosuch%3D1"),
        row("postgres://app@127.0.0.1:{P}/app?keepalives=0"),
        row(
            "postgres://app@127.0.0.1:{P}/app?keepalives=1&keepalives_idle=9&keepalives_interval=3\
             &keepalives_count=2",
        ),
        row("postgres://app@127.0.0.1:{P}/app?tcp_user_timeout=9000"),
        row("postgres://app@127.0.0.1:{P}/app?gssencmode=disable"),
        row("postgres://app@127.0.0.1:{P}/app?gssencmode=prefer&krbsrvname=pg"),
        row("postgres://app@127.0.0.1:{P}/app?client_encoding=UTF8"),
        row("postgres://app@127.0.0.1:{P}/app?sslcompression=1&sslsni=0"),
        row("postgres://app@127.0.0.1:{P}/app?sslcert=/none&sslkey=/none&sslcrl=/none"),
        row("postgres://app@127.0.0.1:{P}/app?replication=false"),
        row("postgres://secret:{PW%}@127.0.0.1:{P}/app?channel_binding=disable"),
        row("postgres://secret:{PW%}@127.0.0.1:{P}/app?channel_binding=prefer"),
        row("postgres://secret:{PW%}@127.0.0.1:{P}/app?channel_binding=require"),
        row("postgres://secret:{PW%}@127.0.0.1:{T}/app?channel_binding=require"),
        row("postgres://secret:{PW%}@127.0.0.1:{T}/app?sslmode=require&channel_binding=disable"),
        row("host={SOCK} port={P} user=app requirepeer=nobody_here"),
        row("host={SOCK} port={P} user=app sslmode=require"),
        row("host={SOCK} port={P} user=app sslmode=disable"),
    ]
}

fn tls() -> Vec<Row> {
    vec![
        row("postgres://app@127.0.0.1:{T}/app"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=disable"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=allow"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=prefer"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require"),
        row("postgres://app@127.0.0.1:{T}/app?ssl=true"),
        row("host=127.0.0.1 port={T} user=app sslmode=disable"),
        row("host=127.0.0.1 port={T} user=app sslmode=require"),
        row("host=127.0.0.1 port={T} user=app requiressl=1"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=allow"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=prefer"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=require"),
        row("host=127.0.0.1 port={P} user=app sslmode=require"),
        row("host=127.0.0.1 port={P} user=secret password='{PW}' dbname=app sslmode=require"),
        row("postgres://app@127.0.0.1:{P}/app?sslmode=verify-ca&sslrootcert={CA}"),
        row("postgres://app@127.0.0.1:{P},127.0.0.1:{T}/app?sslmode=require"),
        row("postgres://only_tls@127.0.0.1:{T}/app?sslmode=allow"),
        row("postgres://only_tls@127.0.0.1:{T}/app?sslmode=disable"),
        row("postgres://only_clear@127.0.0.1:{T}/app?sslmode=prefer"),
        row("postgres://only_clear@127.0.0.1:{T}/app"),
        row("postgres://only_clear@127.0.0.1:{T}/app?sslmode=require"),
        row("postgres://nothing@127.0.0.1:{T}/app"),
        row("postgres://secret:wrong@127.0.0.1:{T}/app"),
        row("postgres://secret:{PW%}@127.0.0.1:{T}/app"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-ca").bad(),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-full").bad(),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-ca&sslrootcert=/no/such/file").bad(),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require&sslrootcert=/no/such/file"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require&sslrootcert={DIR}/broken.crt").bad(),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-ca&sslrootcert={CA}"),
        row("host=127.0.0.1 port={T} user=app sslmode=verify-ca sslrootcert={CA}"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require&sslrootcert={CA}"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-full&sslrootcert={CA}"),
        row("host=db.internal hostaddr=127.0.0.1 port={T} user=app sslmode=verify-full \
             sslrootcert={CA}"),
        row("hostaddr=127.0.0.1 port={T} user=app sslmode=verify-full sslrootcert={CA}").bad(),
        row("host=DB.internal hostaddr=127.0.0.1 port={T} user=app sslmode=verify-full \
             sslrootcert={CA} sslsni=0"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-ca&sslrootcert={DIR}/other.crt"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require&sslrootcert={DIR}/other.crt"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=prefer&sslrootcert={DIR}/other.crt"),
        row("postgres://only_tls@127.0.0.1:{T}/app?sslmode=prefer&sslrootcert={DIR}/other.crt"),
        row("postgres://app@127.0.0.1:{T}/app").env("PGSSLROOTCERT", "{DIR}/other.crt"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require")
            .env("PGSSLROOTCERT", "{DIR}/other.crt"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-ca").env("PGSSLROOTCERT", "{CA}"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=verify-ca").home("root"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require").home("root"),
        row("postgres://app@127.0.0.1:{T}/app?sslmode=require").home("otherroot"),
        row("postgres://app@127.0.0.1:{T}/app").home("otherroot"),
        row("postgres://app@localhost:{S}/app?sslmode=verify-full&sslrootcert={DIR}/own.crt"),
        row("postgres://app@127.0.0.1:{S}/app?sslmode=verify-full&sslrootcert={DIR}/own.crt"),
        row("postgres://app@127.0.0.1:{S}/app?sslmode=verify-ca&sslrootcert={DIR}/own.crt"),
        row("postgres://app@localhost:{S}/app?sslmode=verify-full&sslrootcert={CA}"),
        row("postgres://app@localhost:{S}/app?sslmode=require"),
        row("postgres://app@localhost:{V}/app"),
        row("postgres://app@localhost:{V}/app?sslmode=require"),
        row("postgres://app@localhost:{V}/app?sslmode=verify-full&sslrootcert={DIR}/old.crt"),
        row("postgres://app@localhost:{V}/app?sslmode=verify-ca&sslrootcert={CA}"),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslcert={DIR}/client.crt\
             &sslkey={DIR}/client.key"),
        row("host=127.0.0.1 port={T} user=cert_user dbname=app sslcert={DIR}/client.crt \
             sslkey={DIR}/client.key sslmode=require"),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslcert={DIR}/client.crt\
             &sslkey={DIR}/open.key&sslmode=require")
        .bad(),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslcert={DIR}/client.crt\
             &sslkey={DIR}/none&sslmode=require")
        .bad(),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslcert={DIR}/none&sslkey={DIR}/none"),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslcert={DIR}/client.crt\
             &sslkey={DIR}/encrypted.key&sslpassword=sesame"),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslcert={DIR}/client.crt\
             &sslkey={DIR}/encrypted.key&sslpassword=wrong&sslmode=require")
        .bad(),
        row("postgres://app@127.0.0.1:{T}/app?sslcert={DIR}/broken.crt&sslkey={DIR}/client.key\
             &sslmode=require")
        .bad(),
        row("postgres://cert_user@127.0.0.1:{T}/app").home("client"),
        row("postgres://cert_user@127.0.0.1:{T}/app?sslmode=require").home("keyless").bad(),
        row("postgres://cert_user@127.0.0.1:{T}/app")
            .env("PGSSLCERT", "{DIR}/client.crt")
            .env("PGSSLKEY", "{DIR}/client.key"),
        row("postgres://cert_user@127.0.0.1:{T}/app"),
        row("postgres://app@127.0.0.1:{T}/app?ssl_min_protocol_version=TLSv1.3"),
        row("postgres://app@127.0.0.1:{T}/app?ssl_max_protocol_version=TLSv1.2"),
        row("postgres://app@127.0.0.1:{T}/app?ssl_min_protocol_version=TLSv1.3\
             &ssl_max_protocol_version=TLSv1.2")
        .bad(),
        row("postgres://app@127.0.0.1:{H}/app?sslmode=require&connect_timeout=2"),
    ]
}
