// The exports that are known, by the headers they carry. Every label is written as `plain` leaves it: lower case, no
// accents, no colon. A label with `#2` is the second column of that name. Adding a manager is adding an entry here.

export const fields = [
  'number',
  'email',
  'username',
  'given',
  'family',
  'name',
  'organisation',
  'kind',
  'language',
  'joined',
  'end',
  'exempt',
  'active',
  'status',
  'category',
  'paid',
  'activity',
] as const
/** What a column of a file can mean, and the keys of `--map`. */
export type MapKey = (typeof fields)[number]
/** Those of known formats only. `id`: the number when `number` is not unique; `end2`: the later of two ends counts. */
export type Field = MapKey | 'id' | 'end2' | 'test' | 'deceased'

const formatIds = [
  'galette',
  'galette-table',
  'paheko',
  'paheko-subscriptions',
  'dolibarr',
  'civicrm',
  'mapped',
] as const
export type FormatId = (typeof formatIds)[number]

export type Format = {
  id: FormatId
  /** A list of members, or of their subscriptions, to be joined with a list of members by number. */
  table: 'members' | 'subscriptions'
  /** One header of each group must be there. */
  needs: readonly (readonly string[])[]
  /** Headers that tell this format from others, and how many of them must be there. */
  marks: readonly string[]
  enough: number
  columns: Partial<Record<Field, readonly string[]>>
  /** The manager writes 01/02/2026 for 1 February. Where it is not said, the file's own dates decide. */
  dayFirst?: true
  /** One line for each membership or payment: a member may stand on several lines. */
  repeats?: true
  /** An organisation's name makes the member an association; elsewhere it may be a person's employer. */
  organisationIsMember?: true
}

export const mapped: Format = { id: 'mapped', table: 'members', needs: [], marks: [], enough: 0, columns: {} }

/** Galette, «Export» on the members list (IO/MembersCsv.php): translated labels, only the fields that are visible. */
const galette = (columns: Partial<Record<Field, string>>, others: readonly string[], dayFirst?: true): Format => {
  const { id, number, email, active, exempt, end, organisation } = columns
  return {
    id: 'galette',
    table: 'members',
    needs: [[id, number, email].filter((label) => label !== undefined)],
    marks: [id, number, active, exempt, end, organisation, ...others].filter((label) => label !== undefined),
    enough: 3,
    columns: Object.fromEntries(Object.entries(columns).map(([field, label]) => [field, [label]])),
    dayFirst,
    organisationIsMember: true,
  }
}

const galetteEnglish = galette(
  {
    id: 'member id',
    number: 'member number',
    family: 'name',
    given: 'first name',
    organisation: 'company',
    email: 'e-mail',
    username: 'username',
    joined: 'creation date',
    active: 'account',
    exempt: 'freed of dues',
    end: 'due date',
    language: 'language',
    category: 'status',
  },
  ['nickname', 'galette admin', 'be visible on public pages', 'other information (admin)'],
)
const galetteFrench = galette(
  {
    id: "id de l'adherent",
    number: 'numero adherent',
    family: 'nom',
    given: 'prenom',
    organisation: 'personne morale',
    email: 'courriel',
    username: 'identifiant',
    joined: 'date de creation',
    active: 'compte',
    exempt: 'exempt de cotisation',
    end: "date d'echeance",
    language: 'langue',
    category: 'statut',
  },
  ['pseudo', 'administrateur galette', 'apparaitre sur les pages publiques', 'autres informations (admin)'],
  true,
)
const galetteGerman = galette(
  {
    id: 'mitglieds-id',
    number: 'mitgliedsnummer',
    family: 'name',
    given: 'vorname',
    organisation: 'firma',
    email: 'e-mail',
    username: 'benutzername',
    joined: 'erstelldatum',
    active: 'konto',
    exempt: 'beitragsfrei',
    end: 'falligkeitsdatum',
    language: 'sprache',
    category: 'status',
  },
  [
    'rufname',
    'galette administration',
    'in der mitgliedsliste angezeigt werden',
    'andere informationen (administrator)',
  ],
  true,
)

/** Galette, export of the table of members: column names of the database. */
const galetteTable: Format = {
  id: 'galette-table',
  table: 'members',
  needs: [['id_adh', 'num_adh', 'email_adh']],
  marks: [
    'nom_adh',
    'prenom_adh',
    'societe_adh',
    'login_adh',
    'activite_adh',
    'bool_exempt_adh',
    'date_echeance',
    'date_crea_adh',
    'id_statut',
    'pref_lang',
  ],
  enough: 2,
  columns: {
    id: ['id_adh'],
    number: ['num_adh'],
    family: ['nom_adh'],
    given: ['prenom_adh'],
    organisation: ['societe_adh'],
    email: ['email_adh'],
    username: ['login_adh'],
    joined: ['date_crea_adh'],
    active: ['activite_adh'],
    exempt: ['bool_exempt_adh'],
    end: ['date_echeance'],
    language: ['pref_lang'],
    category: ['id_statut'],
  },
  organisationIsMember: true,
}

const pahekoPerson: Format['columns'] = {
  number: ['numero de membre'],
  given: ['prenom'],
  family: ['nom'],
  name: ['nom & prenom', 'nom et prenom', 'prenom & nom', 'prenom et nom', 'membre'],
  email: ['adresse e-mail', 'e-mail', 'email', 'courriel', 'adresse email'],
  username: ['identifiant'],
  category: ['categorie'],
}

/** Paheko, «Membres → Exporter»: the association's own labels; these are the ones it starts with. No due date. */
const paheko: Format = {
  id: 'paheko',
  table: 'members',
  needs: [['numero de membre'], ['nom & prenom', 'nom et prenom', 'prenom & nom', 'prenom et nom', 'nom', 'prenom']],
  marks: [
    'categorie',
    'adresse e-mail',
    'adresse postale',
    'numero de telephone',
    "inscription a la lettre d'information",
    'rattache a',
  ],
  enough: 2,
  columns: { ...pahekoPerson, joined: ["date d'inscription"] },
  dayFirst: true,
}

/** Paheko, an activity's list of members, or the file that its import of subscriptions reads. */
const pahekoSubscriptions: Format = {
  id: 'paheko-subscriptions',
  table: 'subscriptions',
  needs: [['numero de membre'], ['activite'], ["date d'expiration"]],
  marks: ['paye ?', 'tarif', 'montant a regler', 'membre', 'statut'],
  enough: 1,
  // The first «Date d'inscription» is the subscription's; a member's own field of that name follows it.
  columns: {
    ...pahekoPerson,
    end: ["date d'expiration"],
    paid: ['paye ?', 'paye'],
    activity: ['activite'],
    joined: ["date d'inscription#2"],
  },
  dayFirst: true,
  repeats: true,
}

/**
 * Dolibarr, export of members and subscriptions (modAdherent.class.php): translated labels, chosen by the user. Both
 * the member's end and a subscription's carry the same label, and a member has a line for each subscription.
 */
const dolibarrEnds = [
  'date fin adhesion',
  'end date of membership',
  'subscription end date',
  'einddatum lidmaatschap',
  'dateendsubscription',
]
const dolibarrOwn = [
  'id adherent',
  'ref adherent',
  "nature de l'adherent",
  'id type adherent',
  'libelle du type adherent',
  'id adhesion',
  'date adhesion',
  'member ref',
  'nature of member',
  'member type id',
  'member type label',
  'contribution id',
  'subscription id',
  'date of membership',
  'subscription date',
  'lidtype id',
  'lidtype label',
  'bijdrage id',
  'startdatum lidmaatschap',
  'membertypelabel',
  'membertypeid',
  'subscriptionid',
  'datesubscription',
]
const dolibarr: Format = {
  id: 'dolibarr',
  table: 'members',
  needs: [['id', 'member id', 'id adherent', 'ref adherent', 'member ref', 'email', 'e-mail']],
  marks: [...dolibarrEnds, ...dolibarrOwn],
  enough: 2,
  columns: {
    number: ['ref adherent', 'member ref', 'memberref'],
    id: ['id adherent', 'member id', 'memberid', 'id'],
    family: ['nom', 'last name', 'lastname', 'achternaam'],
    given: ['prenom', 'first name', 'firstname', 'voornaam'],
    organisation: ['societe', 'company', 'bedrijf'],
    kind: ['nature', "nature de l'adherent", 'nature of member', 'membernature'],
    email: ['email', 'e-mail', 'adresse email', 'courriel'],
    username: ['identifiant', 'login', 'gebruikersnaam'],
    status: ['etat', 'statut', 'status'],
    joined: [
      'date adhesion',
      'date of membership',
      'subscription date',
      'startdatum lidmaatschap',
      'datesubscription',
      'date creation',
      'date de creation',
      'creation date',
      'datecreation',
    ],
    end: dolibarrEnds,
    end2: dolibarrEnds.map((label) => `${label}#2`),
    category: ['libelle du type adherent', 'member type label', 'lidtype label', 'membertypelabel'],
  },
  repeats: true,
}

/** CiviCRM, «Find Memberships → Export members → primary fields»: one line for each membership of a contact. */
const civicrm: Format = {
  id: 'civicrm',
  table: 'members',
  needs: [['contact id'], ['membership expiration date', 'membership end date', 'end date']],
  marks: [
    'membership type',
    'membership status',
    'member since',
    'membership start date',
    'membership id',
    'primary member id',
  ],
  enough: 2,
  columns: {
    number: ['contact id'],
    given: ['first name'],
    family: ['last name'],
    name: ['household name', 'display name'],
    organisation: ['organization name'],
    kind: ['contact type'],
    email: ['email'],
    language: ['preferred language'],
    joined: ['member since'],
    end: ['membership expiration date', 'membership end date', 'end date'],
    status: ['membership status', 'status'],
    category: ['membership type'],
    test: ['test'],
    deceased: ['deceased'],
  },
  repeats: true,
}

export const formats: readonly Format[] = [
  galetteFrench,
  galetteEnglish,
  galetteGerman,
  galetteTable,
  pahekoSubscriptions,
  paheko,
  dolibarr,
  civicrm,
]
