<?php
// Authors of the site and accounts of Schedar. They are matched by issuer and subject alone (OpenID Connect Core §5.7):
// a login or an e-mail address is a claim that anybody may come to hold.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_session');
include_spip('inc/session');

/** What each role of Schedar is on a SPIP site, highest first. */
const SCHEDAR_ROLES = [
	'webmestre' => ['statut' => '0minirezo', 'webmestre' => 'oui'],
	'admin' => ['statut' => '0minirezo', 'webmestre' => 'non'],
	'redacteur' => ['statut' => '1comite', 'webmestre' => 'non'],
	'visiteur' => ['statut' => '6forum', 'webmestre' => 'non'],
];

/** @return array{statut: string, webmestre: string}|null the highest role of the claim, or null for none */
function schedar_droits($roles): ?array {
	foreach (SCHEDAR_ROLES as $role => $droits) {
		if (is_array($roles) && in_array($role, $roles, true)) {
			return $droits;
		}
	}

	return null;
}

/** The place of a status among the others; one that is not SPIP's own counts as the highest. */
function schedar_rang(string $statut): int {
	return ['5poubelle' => 0, 'nouveau' => 1, '6forum' => 2, '1comite' => 3, '0minirezo' => 4][$statut] ?? 5;
}

/** Status and webmaster's flag as one number: what is lower opens less. */
function schedar_hauteur(array $droits): int {
	return 2 * schedar_rang((string) $droits['statut']) + ($droits['webmestre'] === 'oui' ? 1 : 0);
}

function schedar_cle_du_lien(string $emetteur, string $sub): string {
	return hash('sha256', $emetteur . "\0" . $sub);
}

function schedar_lien(string $sub): ?array {
	$cle = schedar_cle_du_lien(schedar_reglages()['emetteur'], $sub);

	return sql_fetsel('*', 'spip_schedar_auteurs', 'cle=' . sql_quote($cle)) ?: null;
}

/** Writes the link of a subject, new or not. */
function schedar_ecrire_lien(string $sub, array $champs): void {
	$emetteur = schedar_reglages()['emetteur'];
	$cle = schedar_cle_du_lien($emetteur, $sub);
	if (schedar_lien($sub)) {
		sql_updateq('spip_schedar_auteurs', $champs, 'cle=' . sql_quote($cle));
	} else {
		sql_insertq('spip_schedar_auteurs', ['cle' => $cle, 'emetteur' => $emetteur, 'sub' => $sub] + $champs);
	}
}

/** One hit at a time changes links: two tabs of a first sign-in make one author, not two. */
function schedar_seul_a_lier(callable $travail) {
	$verrou = fopen(schedar_dossier() . 'auteurs.verrou', 'c');
	if (!$verrou || !flock($verrou, LOCK_EX)) {
		throw new SchedarRefus('refus_reglages', 'tmp/schedar/ cannot be written', 503);
	}
	try {
		return $travail();
	} finally {
		flock($verrou, LOCK_UN);
		fclose($verrou);
	}
}

/** Ends every session of an author, and the private feeds whose address alone lets a reader in. */
function schedar_fermer_sessions(int $id_auteur): void {
	if (!$id_auteur) {
		return;
	}
	supprimer_sessions($id_auteur);
	sql_updateq('spip_auteurs', ['low_sec' => ''], 'id_auteur=' . $id_auteur);
}

/** A name as plain text: SPIP would take tags and shortcuts in it for markup. */
function schedar_nom($nom, string $defaut): string {
	$nom = is_string($nom) ? trim(preg_replace('/[\x00-\x1f\x7f<>{}\[\]|]+/u', ' ', $nom) ?? '') : '';

	return $nom === '' ? $defaut : mb_substr($nom, 0, 100);
}

/** The wished login if no author holds it, in whatever case, else the first free one of login2, login3… */
function schedar_login_libre($souhait): string {
	$base = is_string($souhait) ? trim(preg_replace('/[^a-z0-9._@-]+/', '-', strtolower($souhait)), '-') : '';
	$base = substr($base, 0, 60) ?: 'membre';
	for ($n = 1; ; $n++) {
		$login = $n === 1 ? $base : $base . $n;
		if (!sql_countsel('spip_auteurs', 'LOWER(login)=' . sql_quote($login, '', 'text'))) {
			return $login;
		}
	}
}

/** What an author takes from the account at each sign-in. */
function schedar_champs(array $profil, array $droits): array {
	include_spip('inc/filtres');
	$champs = $droits + [
		'nom' => schedar_nom($profil['name'] ?? null, schedar_nom($profil['preferred_username'] ?? null, 'Membre')),
		'email' => is_string($profil['email'] ?? null) && email_valide($profil['email']) ? $profil['email'] : '',
		'source' => 'schedar',
		// Without them neither a password, nor « mot de passe oublié », nor a .htpasswd opens anything.
		'pass' => '',
		'htpass' => '',
	];
	$langue = is_string($profil['locale'] ?? null) ? strtolower(preg_replace('/[-_].*$/', '', $profil['locale'])) : '';
	$possibles = explode(',', ($GLOBALS['meta']['langues_proposees'] ?? '') . ',' . ($GLOBALS['meta']['langues_multilingue'] ?? ''));
	if ($langue !== '' && in_array($langue, $possibles, true)) {
		$champs['lang'] = $langue;
	}

	return $champs;
}

/**
 * With `_SCHEDAR_RATTACHER`: the one local author of a verified address, if nobody else is linked to that author. An
 * address that several authors share links nobody.
 */
function schedar_auteur_de_meme_courriel(array $profil): int {
	$courriel = $profil['email'] ?? null;
	$verifie = ($profil['email_verified'] ?? false) === true && is_string($courriel) && $courriel !== '';
	if (!$verifie || !schedar_reglages()['rattacher']) {
		return 0;
	}
	$ou = ['LOWER(email)=' . sql_quote(strtolower($courriel), '', 'text'), "statut<>'5poubelle'"];
	$trouves = sql_allfetsel('id_auteur', 'spip_auteurs', $ou);
	$id_auteur = count($trouves) === 1 ? (int) $trouves[0]['id_auteur'] : 0;

	return schedar_lien_de_l_auteur($id_auteur) ? 0 : $id_auteur;
}

/** What binds an author to the account closes the way in that it had before. */
function schedar_oublier_ancien_acces(int $id_auteur): void {
	supprimer_sessions($id_auteur);
	$vides = array_fill_keys(['pass', 'htpass', 'low_sec', 'cookie_oubli', 'backup_cles'], '');
	sql_updateq('spip_auteurs', ['source' => 'schedar'] + $vides, 'id_auteur=' . $id_auteur);
}

/** The author that belongs to a subject: the linked one, else the one of the same address if settings say so, else new. */
function schedar_trouver_ou_creer(array $profil, array $champs): int {
	$lien = schedar_lien($profil['sub']);
	if ($lien && $lien['id_auteur'] && sql_countsel('spip_auteurs', 'id_auteur=' . (int) $lien['id_auteur'])) {
		return (int) $lien['id_auteur'];
	}
	if ($id_auteur = schedar_auteur_de_meme_courriel($profil)) {
		schedar_oublier_ancien_acces($id_auteur);
		schedar_journal("author $id_auteur linked by its verified address");
	} else {
		include_spip('action/editer_auteur');
		$id_auteur = (int) auteur_inserer('schedar', ['login' => schedar_login_libre($profil['preferred_username'] ?? null)] + $champs);
		schedar_journal("author $id_auteur arrived");
	}
	if (!$id_auteur) {
		throw new SchedarRefus('refus_reglages', 'the author cannot be written', 503);
	}
	schedar_ecrire_lien($profil['sub'], ['id_auteur' => $id_auteur]);

	return $id_auteur;
}

/** Without a role one keeps texts and nothing else. */
const SCHEDAR_SANS_ROLE = ['statut' => '6forum', 'webmestre' => 'non'];

/**
 * Brings the author of a subject, and what Schedar last said of it, down to these rights; null is no role at all. What is
 * lower already stays. The author whose sessions have to end, or 0.
 */
function schedar_abaisser(string $sub, ?array $droits): int {
	$lien = schedar_lien($sub);
	$id_auteur = (int) ($lien['id_auteur'] ?? 0);
	$auteur = sql_fetsel('statut, webmestre', 'spip_auteurs', "id_auteur=$id_auteur AND statut<>'5poubelle'");
	$cible = $droits ?? SCHEDAR_SANS_ROLE;
	$plus_haut = fn($avant) => $avant && schedar_hauteur($avant) > schedar_hauteur($cible);
	$lien_plus_haut = $id_auteur && $plus_haut($lien);
	if ($droits && $id_auteur && !$lien_plus_haut && !$plus_haut($auteur)) {
		return 0;
	}
	// A sign-in under way, which may have read the roles of before, is older than this instant: see schedar_auteur().
	schedar_ecrire_lien($sub, ['fin' => schedar_instant()] + ($lien_plus_haut ? $cible : []));
	// Of people who never came, this is remembered for as long as such a sign-in may last.
	sql_delete('spip_schedar_auteurs', 'id_auteur=0 AND fin<' . (schedar_instant() - 86400000));
	if ($plus_haut($auteur)) {
		sql_updateq('spip_auteurs', $cible, "id_auteur=$id_auteur");
		include_spip('inc/invalideur');
		suivre_invalideur("id='auteur/$id_auteur'");
	}

	return $id_auteur;
}

/**
 * The author of an account that has just signed in, brought up to date: the row of spip_auteurs.
 *
 * @param array $profil claims of the userinfo answer; `sub` is checked
 * @param int $debut the instant at which the sign-in came back
 * @return array<string, mixed>
 * @throws SchedarRefus
 */
function schedar_auteur(array $profil, int $debut): array {
	$droits = schedar_droits($profil['roles'] ?? null);

	return schedar_seul_a_lier(function () use ($profil, $droits, $debut) {
		if (!$droits) {
			schedar_fermer_sessions(schedar_abaisser($profil['sub'], null));
			throw new SchedarRefus('refus_role', 'the roles claim names no role of this site');
		}
		if ($debut <= (int) (schedar_lien($profil['sub'])['fin'] ?? 0)) {
			throw new SchedarRefus('refus_retour', 'a sign-out or a lowered role overtook this sign-in', 400);
		}
		$champs = schedar_champs($profil, $droits);
		$id_auteur = schedar_trouver_ou_creer($profil, $champs);
		$avant = sql_fetsel('*', 'spip_auteurs', "id_auteur=$id_auteur");
		if ($avant['statut'] === '5poubelle') {
			throw new SchedarRefus('refus_supprime', "author $id_auteur was removed by a webmaster of the site");
		}
		schedar_ecrire_lien($profil['sub'], $droits);
		$change = array_diff_assoc($champs, $avant);
		if ($change) {
			sql_updateq('spip_auteurs', $change, "id_auteur=$id_auteur");
			// The public site reads rights from session files: other browsers of this author learn of it here.
			actualiser_sessions(array_diff_key($change, ['pass' => '', 'htpass' => '']) + ['id_auteur' => $id_auteur]);
			include_spip('inc/invalideur');
			suivre_invalideur("id='auteur/$id_auteur'");
		}

		return sql_fetsel('*', 'spip_auteurs', "id_auteur=$id_auteur");
	});
}
