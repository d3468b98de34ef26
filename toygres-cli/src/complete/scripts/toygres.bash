# Completion of toygres in bash: source <(toygres completions bash)
#
# Every press of the key asks toygres, which reads the plugins that are there then.

_toygres() {
    local rest=${COMP_LINE:0:COMP_POINT} word program line full i
    local -a words=()
    # Bash breaks words at `:` and `=`; toygres wants them as its arguments will be.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((${#words[@]} == 0)) || [[ $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            ((i < COMP_CWORD)) || word=$rest
            words+=("$word")
        else
            ((i < COMP_CWORD)) || word=$rest
            words[${#words[@]} - 1]+=$word
        fi
        rest=${rest:${#word}}
    done
    full=${words[${#words[@]} - 1]}
    # The toygres that was typed, where that is a path.
    program=${words[0]/#\~\//$HOME/}
    [[ $program == */* ]] || program=toygres
    COMPREPLY=()
    while IFS= read -r line; do
        # Readline puts a candidate in the place of what stands behind the last break.
        COMPREPLY+=("${line#"${full%"$2"}"}")
    done < <("$program" completions bash --at $((${#words[@]} - 1)) -- "${words[@]}" 2>/dev/null)
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# In the order in which toygres says them, where bash can do that.
complete -o nosort -F _toygres toygres 2>/dev/null || complete -F _toygres toygres
