// The letter to the association about sites that were asked for many times their usual.
import type { Organisation } from '../src/ports.ts'
import type { TrafficLetter } from '../src/usecases/traffic-spikes.ts'
import { textsOf } from '../src/web/texts.ts'
import { counted, megabytes } from './traffic-parts.ts'

type About = () => Promise<Pick<Organisation, 'name' | 'contactEmail' | 'timeZone'>>

export const createTrafficLetter =
  (issuer: string, organisation: About): TrafficLetter =>
  async (spikes, locale) => {
    const texts = textsOf(locale)
    const { t } = texts
    const { name: association, contactEmail: contact, timeZone: zone } = await organisation()
    const about = spikes.map(({ siteId, site, member, at, bytes, requests, usual, path, address }) =>
      [
        t('letter.traffic.site', {
          site,
          member,
          at: texts.moment(at, zone),
          size: megabytes(texts, bytes),
          requests: counted(texts, requests),
          usual: megabytes(texts, usual.bytes),
          usual_requests: counted(texts, usual.requests),
        }),
        path &&
          t('letter.traffic.path', {
            path: path.value,
            size: megabytes(texts, path.bytes),
            requests: counted(texts, path.requests),
          }),
        address &&
          t('letter.traffic.address', {
            address: address.value,
            size: megabytes(texts, address.bytes),
            requests: counted(texts, address.requests),
          }),
        `${issuer}/admin/sites/${siteId}`,
      ]
        .filter((line) => line !== undefined)
        .map((line) => `  ${line}`)
        .join('\n'),
    )
    return {
      subject: t('letter.traffic.subject', { association }),
      text: [
        t('letter.hello_all'),
        t('letter.traffic.text'),
        ...about,
        t('letter.traffic.next'),
        t('letter.bye', { association, contact }),
      ].join('\n\n'),
    }
  }
