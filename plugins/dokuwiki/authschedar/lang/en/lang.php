<?php

$lang['taken'] = 'This wiki has a former user “%s” of its own: you are not signed in here. Ask whoever runs the wiki to link that name to your account.';
