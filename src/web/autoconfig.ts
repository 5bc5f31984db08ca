// Thunderbird's autoconfig: a program asks without a sign-in, under `autoconfig.DOMAIN` or the domain itself, how mail of an
// address is set up. The answer is the same for every address of a domain, and tells of domains that have mail here alone.
import type { IncomingMessage } from 'node:http'
import type { Core } from '../core.ts'
import { autoconfig } from '../domain/mail-clients.ts'
import { canonical, isEmail } from '../domain/names.ts'

type Answer = { status: number; type: string; body: string }

const refused = (status: number, body: string): Answer => ({ status, type: 'text/plain; charset=utf-8', body })

/** The domain that is asked about: that of the address, else that of the host. */
function domainOf(request: IncomingMessage): string | undefined {
  const asked = URL.parse(request.url ?? '', 'http://here')?.searchParams.get('emailaddress')
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^autoconfig\./i, '')
  const address = canonical(asked ? asked.slice(0, 320) : `any@${host.slice(0, 253)}`)
  return isEmail(address) ? address.slice(address.indexOf('@') + 1) : undefined
}

/** Answers for these paths whatever the Host, since each member's domain asks under its own; none when nothing is set. */
export function autoconfigRoutes({
  config,
  store,
}: Pick<Core, 'config' | 'store'>): Record<string, (request: IncomingMessage) => Promise<Answer>> {
  const { mailSetup, issuer } = config
  if (!mailSetup) return {}
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refused(405, 'ask with GET\n')
    const domain = domainOf(request)
    if (!domain || !(await store.mailboxes.hasDomain(domain))) return refused(404, 'no mail of this domain is here\n')
    const [organisation] = await store.organisations.all()
    const naming = { association: organisation?.name ?? domain, help: `${issuer}/account/mail` }
    return { status: 200, type: 'text/xml; charset=utf-8', body: autoconfig(mailSetup, domain, naming) }
  }
  return { '/mail/config-v1.1.xml': answer, '/.well-known/autoconfig/mail/config-v1.1.xml': answer }
}
