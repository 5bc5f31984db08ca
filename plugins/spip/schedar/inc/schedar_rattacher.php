<?php
// Bringing an author of before and the one that arrived together: by a webmaster's hand, or by the proof of the old
// password. Never because two look alike.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_auteurs');

/**
 * Local authors that may be the same person as one who arrived: the same address, or the login that it would have had.
 * They are only shown, to be linked by somebody's act.
 */
function schedar_ressemblants(array $arrive): array {
	$voulu = preg_replace('/\d+$/', '', strtolower($arrive['login']));
	$memes = ['LOWER(login)=' . sql_quote($voulu, '', 'text')];
	if ($arrive['email'] !== '') {
		$memes[] = 'LOWER(email)=' . sql_quote(strtolower($arrive['email']), '', 'text');
	}
	$ou = ['(' . implode(' OR ', $memes) . ')', "source<>'schedar'", "pass<>''", "statut<>'5poubelle'", 'id_auteur<>' . (int) $arrive['id_auteur']];

	return sql_allfetsel('id_auteur, nom, login', 'spip_auteurs', $ou, '', 'id_auteur', '0,20');
}

/** Wrong passwords that one may send in an hour to prove an author of before. */
const SCHEDAR_REPRISES = 5;

function schedar_fichier_reprise(int $id_auteur): string {
	return schedar_dossier('reprises') . "$id_auteur.essais";
}

function schedar_reprise_fermee(int $id_auteur): bool {
	$fichier = schedar_fichier_reprise($id_auteur);
	clearstatcache(true, $fichier);
	if ((int) @filemtime($fichier) < time() - 3600) {
		@unlink($fichier);

		return false;
	}

	return (int) @filesize($fichier) >= SCHEDAR_REPRISES;
}

function schedar_noter_reprise_manquee(int $id_auteur): void {
	file_put_contents(schedar_fichier_reprise($id_auteur), 'x', FILE_APPEND | LOCK_EX);
	schedar_journal("wrong password of an author of before, sent by author $id_auteur");
}

/** The local author, unlinked, whose password this is; 0 for none. SPIP's own method judges, whether it is a door or not. */
function schedar_prouver_ancien(string $login, string $pass): int {
	$verifier = charger_fonction('spip', 'auth', true);
	$ancien = $verifier ? $verifier($login, $pass, '', true) : null;
	$id_auteur = is_array($ancien) ? (int) ($ancien['id_auteur'] ?? 0) : 0;

	return $id_auteur && $ancien['source'] !== 'schedar' && !schedar_lien_de_l_auteur($id_auteur) ? $id_auteur : 0;
}

/**
 * Moves a link by a webmaster's hand, or by the proof of the old password: from the author that arrived to one who was here before. The one that arrived goes
 * to the bin if nothing bears its name; otherwise it stays as a name without a way in.
 */
function schedar_rattacher(int $depuis, int $vers): bool {
	return schedar_seul_a_lier(function () use ($depuis, $vers) {
		$lien = schedar_lien_de_l_auteur($depuis);
		if (!$lien || schedar_lien_de_l_auteur($vers) || !sql_countsel('spip_auteurs', "id_auteur=$vers AND statut<>'5poubelle'")) {
			return false;
		}
		sql_updateq('spip_schedar_auteurs', ['id_auteur' => $vers], 'cle=' . sql_quote($lien['cle']));
		schedar_oublier_ancien_acces($vers);
		sql_updateq('spip_auteurs', ['statut' => $lien['statut'], 'webmestre' => $lien['webmestre']], "id_auteur=$vers");
		schedar_oublier_ancien_acces($depuis);
		$statut = sql_countsel('spip_auteurs_liens', "id_auteur=$depuis") ? '6forum' : '5poubelle';
		sql_updateq('spip_auteurs', ['source' => 'spip', 'login' => '', 'webmestre' => 'non', 'statut' => $statut], "id_auteur=$depuis");
		schedar_journal("link moved from author $depuis to author $vers");

		return true;
	});
}
