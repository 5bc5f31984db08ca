<?php
// The door that closes: OpenID Connect Back-Channel Logout 1.0. Schedar posts a logout token here when an account signs
// out, is suspended or loses its access; every session of its author ends. spip.php?action=schedar_fin

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_appels');

function action_schedar_fin_dist() {
	schedar_recevoir('fin', 'logout_token', 'schedar_finir');
}

function schedar_finir($jeton): void {
	$dits = schedar_jeton_fin($jeton);
	schedar_une_seule_fois($dits);
	$id_auteur = schedar_seul_a_lier(function () use ($dits) {
		// Written first: a sign-in under way, or a hit that writes its session back, is older than this instant.
		schedar_ecrire_lien($dits['sub'], ['fin' => schedar_instant()]);

		return (int) schedar_lien($dits['sub'])['id_auteur'];
	});
	schedar_fermer_sessions($id_auteur);
	schedar_journal("back-channel logout: sessions of author $id_auteur ended");
}
