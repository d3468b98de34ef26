#compdef toygres
# Completion of toygres in zsh: source <(toygres completions zsh), below compinit, or as the file
# `_toygres` in a folder of fpath.
#
# Every press of the key asks toygres, which reads the plugins that are there then.

_toygres() {
    local line value help program begun
    local -a plain further
    # The toygres that was typed, where that is a path.
    program=${(Q)words[1]/#\~\//$HOME/}
    [[ $program == */* ]] || program=toygres
    # What is begun, up to the cursor; the quote that is open is closed, since zsh takes off pairs.
    begun=$compstate[quote]$PREFIX$compstate[quote]
    for line in "${(@f)$("$program" completions zsh --at $((CURRENT - 1)) -- \
        "${(@Q)words[1,CURRENT-1]}" "${(Q)begun}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        value=${line%%$'\t'*}
        help=${line#"$value"}
        value=${${value//\\/\\\\}//:/\\:}${help:+:${help#$'\t'}}
        if [[ ${line%%$'\t'*} == *[=/] ]]; then
            further+=("$value")
        else
            plain+=("$value")
        fi
    done
    ((${#plain} + ${#further})) || return 1
    _describe -V toygres plain -- further -S ''
}

if [[ ${funcstack[1]} == _toygres ]]; then
    _toygres "$@"
else
    compdef _toygres toygres
fi
