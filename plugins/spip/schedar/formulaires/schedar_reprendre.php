<?php
// On one's own page: whoever arrived through Schedar and had an author here before proves it once, by the password of
// that author, and goes on as it. It is no sign-in: one is signed in already, and Schedar's rights hold.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_rattacher');
include_spip('inc/filtres');

/** The author that is signed in, if it may still become another one. */
function schedar_reprise_possible(): ?array {
	$id_auteur = (int) ($GLOBALS['visiteur_session']['id_auteur'] ?? 0);
	if (($GLOBALS['visiteur_session']['auth'] ?? '') !== 'schedar' || !schedar_lien_de_l_auteur($id_auteur)) {
		return null;
	}
	$moi = sql_fetsel('id_auteur, login, email', 'spip_auteurs', "id_auteur=$id_auteur");

	return $moi && schedar_ressemblants($moi) ? $moi : null;
}

function formulaires_schedar_reprendre_charger_dist() {
	if (!schedar_reprise_possible()) {
		return false;
	}

	return ['ancien_login' => '', 'ancien_pass' => '', '_nom' => spip_htmlspecialchars(schedar_nom_affiche())];
}

function formulaires_schedar_reprendre_verifier_dist() {
	$moi = schedar_reprise_possible();
	$login = _request('ancien_login');
	$pass = _request('ancien_pass');
	if (!$moi || !is_string($login) || !is_string($pass) || $login === '' || $pass === '') {
		return ['ancien_login' => _T('info_obligatoire')];
	}
	if (schedar_reprise_fermee((int) $moi['id_auteur'])) {
		return ['message_erreur' => _T('schedar:reprendre_trop')];
	}
	$ancien = schedar_prouver_ancien($login, $pass);
	if (!$ancien) {
		schedar_noter_reprise_manquee((int) $moi['id_auteur']);

		return ['message_erreur' => _T('schedar:reprendre_faux')];
	}
	set_request('_ancien', $ancien);

	return [];
}

function formulaires_schedar_reprendre_traiter_dist() {
	$moi = (int) $GLOBALS['visiteur_session']['id_auteur'];
	if (!schedar_rattacher($moi, (int) _request('_ancien'))) {
		return ['message_erreur' => _T('schedar:rattacher_echec')];
	}
	include_spip('inc/schedar_depart');

	// The session was the other author's: Schedar, where one is signed in, opens one for this author.
	return ['redirect' => schedar_adresse_depart()];
}
