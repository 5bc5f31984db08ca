// Dovecot 2.4's configuration (Debian 13), each file from the kit's settings.
import type { KitFile } from '../../src/plugin.ts'
import type { Settings } from './kit.ts'
import { attributes24, KEY_HEADER } from './policy.ts'

/** The file of a login or address among the 256, in lower case before it is hashed. */
const SHARD = '%{user | lower | md5 | hexlify | substr(0, 2)}'

const former = ({ folder, former: whose }: Settings) =>
  whose === 'everybody'
    ? ''
    : `
# Only those whose former password still counts go on to the passdb that comes after this one.
passdb schedar_former {
  driver = passwd-file
  mechanisms_filter = plain login
  auth_username_format = %{user | lower}/former
  passwd_file_path = ${folder}/logins/${SHARD}
  result_failure = return-fail
}
`

const fields = (mailUser: string) => `\
  fields {
    uid:default = ${mailUser}
    gid:default = ${mailUser}
    mail_driver:default = maildir
    mail_path:default = ~/Maildir
    mail_inbox_path:default =
  }`

const userdbs = ({ folder, mailUser }: Settings) =>
  mailUser === undefined
    ? ''
    : `
# Where mail is put, by address (LMTP): whoever may read it, and suspended or not.
userdb schedar_mailboxes {
  driver = passwd-file
  auth_username_format = %{protocol}/%{user | lower}
  passwd_file_path = ${folder}/mailboxes/${SHARD}
${fields(mailUser)}
}

# Which mailbox a login opens. Several may open one.
userdb schedar_logins {
  driver = passwd-file
  auth_username_format = %{user | lower}
  passwd_file_path = ${folder}/logins/${SHARD}
${fields(mailUser)}
}
`

const first = (s: Settings) => `\
# Schedar, for Dovecot 2.4. Passdb blocks are asked in the order in which they are read: keep this file's name, so
# that it is read before 10-auth.conf.

# Who has no access is refused here, for every mechanism, tokens included.
passdb schedar_denied {
  driver = passwd-file
  deny = yes
  auth_username_format = %{user | lower}
  passwd_file_path = ${s.folder}/denied/%{user | lower}
}

# App passwords, each for its protocols (imap, pop3, sieve, smtp). They are random: their SHA-256 is the key.
passdb schedar_app_passwords {
  driver = passwd-file
  mechanisms_filter = plain login
  auth_username_format = %{user | lower}/%{protocol}/%{password | sha256 | hexlify}
  passwd_file_path = ${s.folder}/logins/${SHARD}
}
${former(s)}${userdbs(s)}`

const policy = ({ policy: door, former: whose }: Settings) =>
  door
    ? `
# Schedar is asked at each sign-in, so that who is refused reads why, and told of it. It is no gate: when it does not answer
# in time the files above decide alone. A password is never sent, nor a hash of it. The key is in the file of secrets.
auth_policy_server_url = ${door.url}
auth_policy_request_attributes {
${attributes24(whose)}
}
auth_policy_hash_nonce = unused
auth_policy_check_before_auth = yes
auth_policy_check_after_auth = no
auth_policy_report_after_auth = yes
auth_policy_reject_on_fail = no
auth_policy {
  http_client_request_absolute_timeout = ${door.timeoutMs}ms
}
`
    : ''

const quota = ({ mailUser }: Settings) =>
  mailUser === undefined
    ? ''
    : `
# What a mailbox may hold is in Schedar's files. A message that does not fit is given back to its sender.
mail_plugins {
  quota = yes
}
protocol imap {
  mail_plugins {
    imap_quota = yes
  }
}
quota "User quota" {
}

# Debian's 20-lmtp.conf would have mail for a whole address looked up without its domain.
protocol lmtp {
  auth_username_format = %{user | lower}
}
`

const last = (s: Settings) => `\
# Schedar, for Dovecot 2.4. Read after 10-auth.conf: adds the token mechanisms to yours.
auth_mechanisms {
  xoauth2 = yes
  oauthbearer = yes
}

# A token that was accepted once must be asked for again: no cache outlives a suspension.
auth_cache_size = 0
${policy(s)}${quota(s)}
# Schedar ends live sessions through this listener.
service doveadm {
  inet_listener http {
    listen = ${s.listener.address}
    port = ${s.listener.port}
  }
}
# The token check and keys; "try", so that a mail user's own process, which may not read them, can still read the rest.
!include_try ${s.dovecotDir}/schedar-secrets.conf.ext
`

const sieve = () => `\
# Schedar, for Dovecot 2.4 with dovecot-sieve: the filters of a mailbox run when mail is delivered.
protocol lmtp {
  mail_plugins {
    sieve = yes
  }
}
sieve_script schedar {
  driver = file
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}
`

/** 2.4 takes the client's name and secret from the URL and sends them as HTTP Basic (RFC 6749 §2.3.1). */
function introspection({ introspection: at, clientId, clientSecret }: Settings): string {
  const url = new URL(at)
  url.username = clientId
  url.password = clientSecret
  return url.href
}

const secrets = (s: Settings) => `\
# Schedar, for Dovecot 2.4: how a token is checked, and keys. Holds secrets: 0600, root.
oauth2 {
  introspection_mode = post
  introspection_url = ${introspection(s)}
  openid_configuration_url = ${s.discovery}
  # The token names the mail login it is for, which must be the one that signs in.
  username_attribute = mail_login
  username_validation_format = %{user | lower}
  active_attribute = active
  active_value = true
  scope = mail
  http_client_request_absolute_timeout = ${s.timeoutMs}ms
  # A connection that Schedar, or a proxy before it, closes for being idle just as it is used again would refuse a sign-in:
  # Dovecot closes it first.
  http_client_max_idle_time = 2s
${s.caFile ? `  ssl_client_ca_file = ${s.caFile}\n` : ''}}
doveadm_api_key = ${s.apiKey}
${s.policy ? `auth_policy_server_api_header = ${KEY_HEADER}: ${s.policy.key}\n` : ''}`

export const files24 = (s: Settings): KitFile[] => [
  { path: 'dovecot-2.4/00-schedar.conf', content: first(s) },
  { path: 'dovecot-2.4/99-schedar.conf', content: last(s) },
  { path: 'dovecot-2.4/99-schedar.sieve.conf', content: sieve() },
  { path: 'dovecot-2.4/schedar-secrets.conf.ext', content: secrets(s), secret: true },
]
