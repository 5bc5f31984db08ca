<?php
// Is the session that SPIP has just opened still worth what it says? SPIP prolongs a session for as long as it is used,
// and writes it back at the end of a hit, even one that a logout overtook. Schedar's word is kept in the link's row.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar');
include_spip('base/abstract_sql');

/**
 * The link of an author, or null: at most one, see inc/schedar_auteurs.php. Links of an issuer that the site has left do
 * not count, so that its authors can be given to people of the new one.
 */
function schedar_lien_de_l_auteur(int $id_auteur): ?array {
	if ($id_auteur <= 0) {
		return null;
	}
	$ou = ["id_auteur=$id_auteur"];
	try {
		$ou[] = 'emetteur=' . sql_quote(schedar_reglages()['emetteur'], '', 'text');
	} catch (SchedarRefus $refus) {
		// Without settings any link counts.
	}

	return sql_fetsel('*', 'spip_schedar_auteurs', $ou) ?: null;
}

/** A session of ours begun after the last logout token, and not longer ago than the settings say. */
function schedar_session_vivante(array $session, array $lien): bool {
	$debut = (int) ($session['schedar_debut'] ?? 0);
	try {
		$duree = schedar_reglages()['duree'];
	} catch (SchedarRefus $refus) {
		$duree = 86400;
	}

	return ($session['auth'] ?? '') === 'schedar' && $debut > (int) $lien['fin'] && schedar_instant() - $debut < $duree * 1000;
}

/** A session that the rescue door opened is as good as the door; another one, as good as Schedar's word. */
function schedar_session_bonne(array $session, bool $seul): bool {
	include_spip('inc/schedar_secours');
	if ($depuis = schedar_secours_de_la_session()) {
		return schedar_secours_depuis() === $depuis;
	}
	$lien = schedar_lien_de_l_auteur((int) $session['id_auteur']);

	return $lien ? schedar_session_vivante($session, $lien) : (!$seul && ($session['auth'] ?? '') !== 'schedar');
}

/**
 * Drops the session that must not go on: a linked author's that Schedar did not open or has closed, and with the single
 * door every other one. HTTP Basic is met here too: SPIP reads it before plugins are loaded.
 */
function schedar_garder_session(bool $seul): void {
	$session = (array) $GLOBALS['visiteur_session'];
	if (schedar_session_bonne($session, $seul)) {
		return;
	}
	schedar_journal('session of author ' . (int) $session['id_auteur'] . ' dropped');
	if (isset($_COOKIE['spip_session'])) {
		include_spip('inc/session');
		foreach (['alea_ephemere', 'alea_ephemere_ancien'] as $alea) {
			if ($fichier = fichier_session($alea, true)) {
				spip_unlink($fichier);
			}
		}
		unset($_COOKIE['spip_session']);
	} else {
		$GLOBALS['ignore_auth_http'] = true;
	}
	unset($GLOBALS['auteur_session']);
	$GLOBALS['visiteur_session'] = [];
	spip_session(true);
}

/**
 * Cookies know host names and paths, no ports: of two sites under one name, each would take the other's `spip_session`
 * away. Unless the webmaster has chosen a prefix of the site's own in mes_options.php, it gets one here; SPIP has read
 * the cookies by then, so they are read once more. A session under the common name lives on until it ends.
 */
function schedar_separer_cookies(): void {
	$prefixe = 'spip' . schedar_marque_du_site();
	if (!isset($_COOKIE[$prefixe . '_session']) && !empty($GLOBALS['visiteur_session']['id_auteur'])) {
		return;
	}
	include_spip('inc/cookie');
	$GLOBALS['cookie_prefix'] = $prefixe;
	recuperer_cookies_spip($prefixe);
	if (isset($_COOKIE['spip_session'])) {
		verifier_visiteur();
	}
}

/** A name that the web server vouches for does not open one of our authors. */
function schedar_garder_remote_user(string $login): void {
	if (sql_countsel('spip_auteurs', 'source=' . sql_quote('schedar') . ' AND login=' . sql_quote($login, '', 'text'))) {
		$GLOBALS['ignore_auth_http'] = true;
	}
}
