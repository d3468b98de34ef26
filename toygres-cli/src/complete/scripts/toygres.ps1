# Completion of toygres in PowerShell: toygres completions powershell | Out-String | Invoke-Expression
#
# Every press of the key asks toygres, which reads the plugins that are there then.

Register-ArgumentCompleter -Native -CommandName 'toygres' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @()
    foreach ($element in $commandAst.CommandElements) {
        # What stands behind the cursor, and the word under it, which comes below.
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $words += $element.Value
        } else {
            $words += $element.Extent.Text
        }
    }
    $at = $words.Count
    # Some versions drop an empty argument; toygres knows from the number that it is there.
    if ($wordToComplete) { $words += $wordToComplete.Trim("'", '"') }

    # The toygres that was typed, where that is a path.
    $program = 'toygres'
    if ($words[0] -match '[\\/]') { $program = $words[0] }

    # What ends a text in single quotes: typographic quotes do too.
    $quotes = "['" + [char]0x2018 + [char]0x2019 + [char]0x201A + [char]0x201B + ']'

    & $program completions powershell --at $at -- @words 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        $text = $value
        if ($text -notmatch '^[\p{L}\p{N}_./:=+~\\-]+$') { $text = "'" + ($text -replace $quotes, '$0$0') + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
    }
}
