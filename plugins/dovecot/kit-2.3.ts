// Dovecot 2.3's configuration (Debian 12), each file from the kit's settings.
import type { KitFile } from '../../src/plugin.ts'
import type { Settings } from './kit.ts'
import { attributes, KEY_HEADER } from './policy.ts'

/** The file of a login or address among the 256, in lower case before it is hashed. */
const SHARD = '%2LMu'

const former = ({ folder, former: whose }: Settings) =>
  whose === 'everybody'
    ? ''
    : `
# Only those whose former password still counts go on to the passdb that comes after this one.
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = username_format=%Lu/former ${folder}/logins/${SHARD}
  result_failure = return-fail
}
`

const userdbs = ({ folder, mailUser }: Settings) =>
  mailUser === undefined
    ? ''
    : `
# Where mail is put, by address (LMTP): whoever may read it, and suspended or not.
userdb {
  driver = passwd-file
  args = username_format=%s/%Lu ${folder}/mailboxes/${SHARD}
  default_fields = uid=${mailUser} gid=${mailUser} mail=maildir:~/Maildir
}

# Which mailbox a login opens. Several may open one.
userdb {
  driver = passwd-file
  args = username_format=%Lu ${folder}/logins/${SHARD}
  default_fields = uid=${mailUser} gid=${mailUser} mail=maildir:~/Maildir
}
`

const first = (s: Settings) => `\
# Schedar, for Dovecot 2.3. Passdb blocks are asked in the order in which they are read: keep this file's name, so
# that it is read before 10-auth.conf.

# Who has no access is refused here, for every mechanism, before any password or token is looked at.
passdb {
  driver = passwd-file
  deny = yes
  args = username_format=%Lu ${s.folder}/denied/%Lu
}

# Tokens are checked at Schedar. One that fails must not be tried further down as if it were a password.
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${s.dovecotDir}/schedar-oauth2.conf.ext
  result_failure = return-fail
  result_internalfail = return-fail
}

# App passwords, each for its protocols (%s: imap, pop3, sieve, smtp). They are random: their SHA-256 is the key.
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = username_format=%Lu/%s/%{sha256;rounds=1:password} ${s.folder}/logins/${SHARD}
}
${former(s)}${userdbs(s)}`

const policy = ({ policy: door, former: whose }: Settings) =>
  door
    ? `
# Schedar is asked at each sign-in, so that who is refused reads why, and told of it. It is no gate: when it does not answer
# in time the files above decide alone. A password is never sent, nor a hash of it. The key is in the file of secrets.
auth_policy_server_url = ${door.url}
auth_policy_server_timeout_msecs = ${door.timeoutMs}
auth_policy_request_attributes = ${attributes(whose)}
auth_policy_hash_nonce = unused
auth_policy_check_before_auth = yes
auth_policy_check_after_auth = no
auth_policy_report_after_auth = yes
auth_policy_reject_on_fail = no
`
    : ''

const quota = ({ mailUser }: Settings) =>
  mailUser === undefined
    ? ''
    : `
# What a mailbox may hold is in Schedar's files. A message that does not fit is given back to its sender.
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
}
`

const last = (s: Settings) => `\
# Schedar, for Dovecot 2.3. Read after 10-auth.conf: adds the token mechanisms to yours.
auth_mechanisms = $auth_mechanisms xoauth2 oauthbearer

# A token that was accepted once must be asked for again: no cache outlives a suspension.
auth_cache_size = 0
${policy(s)}${quota(s)}
# Schedar ends live sessions through this listener. In 2.3 it speaks HTTP only if its name is "http".
service doveadm {
  inet_listener http {
    address = ${s.listener.address}
    port = ${s.listener.port}
  }
}
# Keys; "try", so that a mail user's own process, which may not read them, can still read the rest.
!include_try ${s.dovecotDir}/schedar-secrets.conf.ext
`

const sieve = () => `\
# Schedar, for Dovecot 2.3 with dovecot-sieve: the filters of a mailbox run when mail is delivered.
protocol lmtp {
  mail_plugins = $mail_plugins sieve
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
}
`

const oauth = (s: Settings) => `\
# Schedar, for Dovecot 2.3: how a token is checked. Holds a secret: 0600, root.
introspection_mode = post
introspection_url = ${s.introspection.href}
client_id = ${s.clientId}
client_secret = ${s.clientSecret}
openid_configuration_url = ${s.discovery}
# The token names the mail login it is for, which must be the one that signs in.
username_attribute = mail_login
username_format = %Lu
active_attribute = active
active_value = true
scope = mail
# Milliseconds; without it a silent Schedar would hold each sign-in for a minute.
timeout_msecs = ${s.timeoutMs}
# A connection that Schedar, or a proxy before it, closes for being idle just as it is used again would refuse a sign-in:
# Dovecot closes it first.
max_idle_time_msecs = 2000
${s.caFile ? `tls_ca_cert_file = ${s.caFile}\n` : ''}`

const secrets = ({ apiKey, policy: door }: Settings) => `\
# Schedar, for Dovecot 2.3. Holds secrets: 0600, root.
doveadm_api_key = ${apiKey}
${door ? `auth_policy_server_api_header = ${KEY_HEADER}: ${door.key}\n` : ''}`

export const files23 = (s: Settings): KitFile[] => [
  { path: 'dovecot-2.3/00-schedar.conf', content: first(s) },
  { path: 'dovecot-2.3/99-schedar.conf', content: last(s) },
  { path: 'dovecot-2.3/99-schedar.sieve.conf', content: sieve() },
  { path: 'dovecot-2.3/schedar-oauth2.conf.ext', content: oauth(s), secret: true },
  { path: 'dovecot-2.3/schedar-secrets.conf.ext', content: secrets(s), secret: true },
]
