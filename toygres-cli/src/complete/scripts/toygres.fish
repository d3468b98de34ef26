# Completion of toygres in fish: toygres completions fish > ~/.config/fish/completions/toygres.fish
#
# Every press of the key asks toygres, which reads the plugins that are there then.

function __toygres_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l begun (commandline --current-token --cut-at-cursor)
    set -l program toygres
    # The toygres that was typed, where that is a path.
    if string match --quiet '*/*' -- $words[1]
        set program (string replace --regex '^~/' "$HOME/" -- $words[1])
    end
    # Without its quotes, of which the last may be open.
    set -l plain (string unescape -- $begun; or string unescape -- $begun\"; or string unescape -- $begun\'; or echo $begun)
    $program completions fish --at (count $words) -- $words $plain 2>/dev/null
end

complete --command toygres --no-files --keep-order --arguments '(__toygres_complete)'
