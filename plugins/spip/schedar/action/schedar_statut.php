<?php
// The door that lowers: Schedar posts the roles of an account whose role was taken or lowered. Its author is brought down
// to them and signed out. A call from outside never raises anybody. spip.php?action=schedar_statut

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_appels');

function action_schedar_statut_dist() {
	schedar_recevoir('statut', 'status_token', 'schedar_appliquer_statut');
}

function schedar_appliquer_statut($jeton): void {
	[$dits, $roles] = schedar_jeton_statut($jeton);
	schedar_une_seule_fois($dits);
	$id_auteur = schedar_seul_a_lier(fn() => schedar_abaisser($dits['sub'], schedar_droits($roles)));
	schedar_fermer_sessions($id_auteur);
	schedar_journal($id_auteur ? "roles: author $id_auteur lowered, sessions ended" : 'roles: nothing to lower');
}
