// slapd.conf(5) and the first entries of a private OpenLDAP server; slapd.ts runs it.

export const suffix = 'dc=asso,dc=example'
export const people = `ou=people,${suffix}`
export const groups = `ou=groups,${suffix}`
export const policies = `ou=policies,${suffix}`
export const serviceDn = `cn=schedar,${suffix}`
export const rootDn = `cn=root,${suffix}`

type Attributes = Record<string, string | readonly string[]>

/** An entry as LDIF (RFC 2849), for plain values. */
const entry = (dn: string, attributes: Attributes): string =>
  [
    `dn: ${dn}`,
    ...Object.entries(attributes).flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}`)),
    '',
    '',
  ].join('\n')

/** A password policy, `cn=<name>` under `policies`. */
export const policyEntry = (name: string, attributes: Attributes): string =>
  entry(`cn=${name},${policies}`, {
    objectClass: ['device', 'pwdPolicy'],
    cn: name,
    pwdAttribute: 'userPassword',
    ...attributes,
  })

const usualPolicy = {
  pwdLockout: 'TRUE',
  pwdMaxFailure: '3',
  pwdLockoutDuration: '900',
  pwdMinLength: '10',
  pwdInHistory: '3',
  pwdCheckQuality: '2',
}

/** The tree, the default policy with these changes, and the service account, who has no password yet. */
export const tree = (policy: Attributes): string =>
  [
    entry(suffix, { objectClass: ['dcObject', 'organizationalUnit'], dc: 'asso', ou: 'asso' }),
    ...[people, groups, policies].map((dn) => entry(dn, { objectClass: 'organizationalUnit' })),
    policyEntry('default', { ...usualPolicy, ...policy }),
    // A service is never locked out by strangers who guess at its name, and its password does not age.
    policyEntry('services', { pwdLockout: 'FALSE', pwdMaxRecordedFailure: '20' }),
    entry(serviceDn, {
      objectClass: ['organizationalRole', 'simpleSecurityObject'],
      cn: 'schedar',
      userPassword: '*',
      pwdPolicySubentry: `cn=services,${policies}`,
    }),
  ].join('')

export type Layout = {
  folder: string
  rootPassword: string
  certificate: { certFile: string; keyFile: string; caFile: string }
  globals: readonly string[]
  database: readonly string[]
  limits: string
  /** The provider that this one copies, and how often (`00:00:00:01` is a second); without that it stays connected. */
  replicates?: { provider: string; every: string | undefined }
}

const replication = ({ replicates, rootPassword }: Layout): string[] => {
  if (!replicates) return []
  const { provider, every } = replicates
  const how = every ? `type=refreshOnly interval=${every}` : 'type=refreshAndPersist'
  const bind = `bindmethod=simple binddn="${rootDn}" credentials="${rootPassword}"`
  return [
    `syncrepl rid=001 provider=${provider} ${how} retry="1 +" searchbase="${suffix}" ${bind}`,
    `updateref ${provider}`,
  ]
}

export const conf = (layout: Layout): string => `
${['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`).join('\n')}
pidfile ${layout.folder}/slapd.pid
argsfile ${layout.folder}/slapd.args
modulepath /usr/lib/ldap
${['back_mdb', 'ppolicy', 'memberof', 'unique', 'syncprov'].map((name) => `moduleload ${name}`).join('\n')}
moduleload argon2 m=19456 t=2 p=1
password-hash {ARGON2}
TLSCACertificateFile ${layout.certificate.caFile}
TLSCertificateFile ${layout.certificate.certFile}
TLSCertificateKeyFile ${layout.certificate.keyFile}
${layout.globals.join('\n')}
database mdb
suffix "${suffix}"
rootdn "${rootDn}"
rootpw ${layout.rootPassword}
directory ${layout.folder}/data
maxsize 67108864
dbnosync
index objectClass,uid,mail,member,entryUUID,entryCSN eq
lastbind on
limits dn.exact="${serviceDn}" ${layout.limits}
access to attrs=userPassword by self =xw by dn.exact="${serviceDn}" =w by anonymous auth by * none
access to * by dn.exact="${serviceDn}" write by self read by * none
${replication(layout).join('\n')}
overlay memberof
overlay unique
unique_uri ldap:///${people}?uid?sub
unique_uri ldap:///${people}?mail?sub
overlay ppolicy
ppolicy_default "cn=default,${policies}"
ppolicy_use_lockout
ppolicy_hash_cleartext
overlay syncprov
syncprov-checkpoint 1 1
${layout.database.join('\n')}
`
