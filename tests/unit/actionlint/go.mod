module azure-mlops/tests/unit/actionlint

go 1.23

require github.com/rhysd/actionlint v1.7.7
